"""Alert channels: each is an Apprise URL, which is a secret.

deliveries.py decides when to send, messages.py what. Nothing here logs a URL, and the sending libraries are silenced,
because they log hosts and paths, which often are the secret.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from st_pipeline.alerting.messages import Message
from st_pipeline.secret import Secret
from st_pipeline.settings import SettingsError

# Importing apprise is slow, and few commands send anything, so it is imported where it is used.
if TYPE_CHECKING:
    import apprise

SETTING = "ST_PIPELINE_ALERT_URLS"

_TALKATIVE = ("apprise", "urllib3.connectionpool", "requests_oauthlib", "oauthlib")
# Per call, not per thread: apprise sends in its own threads and passes the context on.
_is_quiet: ContextVar[bool] = ContextVar("is_quiet", default=False)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. ``name`` is safe to show."""

    name: str
    url: Secret = field(repr=False)

    def send(self, message: Message) -> bool:
        """Whether the service accepted it. Never raises: any error counts as a failure. Takes seconds, not minutes."""
        import apprise
        from apprise.plugins.custom_json import NotifyJSON

        with mute():
            try:
                service = _service(self.url)
                if service is None:
                    return False
                if isinstance(service, NotifyJSON):
                    # For machines, next to title and message. The URL's own additions are kept.
                    service.payload_extras = {**message.body, **service.payload_extras}
                kind = apprise.NotifyType.SUCCESS if message.is_good else apprise.NotifyType.WARNING
                sender = apprise.Apprise(asset=_asset())
                sender.add(service)
                return bool(
                    sender.notify(
                        body=message.text,
                        title=message.title,
                        notify_type=kind,
                        body_format=apprise.NotifyFormat.TEXT,
                    )
                )
            except Exception as error:
                failure = type(error).__name__  # its text may hold the URL
        logging.getLogger(__name__).warning("channel %s: sending failed with %s", self.name, failure)
        return False


def open_channels(urls: Sequence[Secret]) -> list[Channel]:
    """A channel for each URL, each once.

    Raises:
        SettingsError: apprise does not support the service, or the URL is incomplete. It names the position only.
    """
    channels: dict[str, Channel] = {}
    for position, url in enumerate(urls, 1):
        with mute():
            service = _service(url)
        if service is None:
            raise SettingsError(
                f"{SETTING}: entry {position} of {len(urls)} is not a complete URL of a service that Apprise supports. "
                "See https://appriseit.com/services/"
            )
        kind = "".join(c for c in str(service.service_name).lower().replace(" ", "-") if c.isalnum() or c == "-")
        channel = Channel(f"{kind}-{_digest(url)}", url)
        channels.setdefault(channel.name, channel)
    return list(channels.values())


@contextmanager
def mute() -> Iterator[None]:
    """Drop what the libraries log inside the block on behalf of the caller, in any thread."""
    for name in _TALKATIVE:
        # Permanent: a thread abandoned after a timeout may keep running. The same filter is added only once.
        logging.getLogger(name).addFilter(_is_kept)
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def _is_kept(record: logging.LogRecord) -> bool:
    return not _is_quiet.get()


def _service(url: Secret) -> apprise.NotifyBase | None:
    import apprise

    return apprise.Apprise.instantiate(url.reveal(), asset=_asset())


def _asset() -> apprise.AppriseAsset:
    import apprise

    # One at a time, in this thread; nothing is kept on disk.
    return apprise.AppriseAsset(
        async_mode=False, app_id="st-pipeline", app_desc="st-pipeline alerts", storage_mode="memory"
    )


@cache
def _digest(url: Secret) -> str:
    """Stable for a URL. Deliberately slow, because a URL may contain a password short enough to guess."""
    return hashlib.scrypt(url.reveal().encode(), salt=b"st-pipeline channel", n=2**14, r=8, p=1, dklen=4).hex()
