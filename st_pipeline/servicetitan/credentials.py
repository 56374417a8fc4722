"""What one tenant's access is made of. Storing and encrypting it is tenants/vault.py."""

from __future__ import annotations

from dataclasses import dataclass

from st_pipeline.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """Client id and secret of one app in one tenant and environment, and the app's key.

    White space around a value, which pasting leaves behind and the API answers with ``invalid_client``, is taken off.
    ValueError, naming the part but never showing it, for one that is empty or could not be sent in a header.
    """

    client_id: str
    client_secret: Secret
    app_key: Secret
    app_id: str | None = None
    """Kept because other tools store it; the API does not ask for it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "client_id", _usable("client id", self.client_id))
        object.__setattr__(self, "client_secret", Secret(_usable("client secret", self.client_secret.reveal())))
        object.__setattr__(self, "app_key", Secret(_usable("app key", self.app_key.reveal())))


def _usable(part: str, value: str) -> str:
    stripped = value.strip()
    if not stripped:
        raise ValueError(f"the {part} is empty: take it from the app's page in the developer portal")
    if not (stripped.isascii() and stripped.isprintable() and " " not in stripped):
        raise ValueError(f"the {part} holds blanks or characters that no {part} has: copy it anew")
    return stripped
