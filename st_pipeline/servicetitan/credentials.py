"""The parts of one tenant's credentials. tenants/vault.py encrypts and stores them."""

from __future__ import annotations

from dataclasses import dataclass

from st_pipeline.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """Client id and secret of one app in one tenant and environment, and the app key.

    Removes whitespace around each value: pasting adds it, and the API rejects it with ``invalid_client``. ValueError,
    naming the part but never its value, if one is empty or cannot be sent in a header.
    """

    client_id: str
    client_secret: Secret
    app_key: Secret
    app_id: str | None = None
    """Kept because other tools store it; the API does not use it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "client_id", _usable("client id", self.client_id))
        object.__setattr__(self, "client_secret", Secret(_usable("client secret", self.client_secret.reveal())))
        object.__setattr__(self, "app_key", Secret(_usable("app key", self.app_key.reveal())))


def _usable(part: str, value: str) -> str:
    stripped = value.strip()
    if not stripped:
        raise ValueError(f"the {part} is empty: copy it from the app's page in the developer portal")
    if not (stripped.isascii() and stripped.isprintable() and " " not in stripped):
        raise ValueError(f"the {part} contains spaces or characters that are never in a {part}: copy it again")
    return stripped
