"""Channels: where alerts go, each a URL that apprise understands, and a secret.

When and what to send is in deliveries.py and messages.py. Nothing here writes a URL anywhere, nor lets the libraries
that send do so: they name hosts and paths, which often are the secret, in their logs.
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

# apprise takes its time to be imported, and few commands send anything: it is imported where it is used.
if TYPE_CHECKING:
    import apprise

SETTING = "ST_PIPELINE_ALERT_URLS"

_TALKATIVE = ("apprise", "urllib3.connectionpool", "requests_oauthlib", "oauthlib")
# Of the call, not of the thread: apprise sends in threads of its own, to which it hands the context on.
_is_quiet: ContextVar[bool] = ContextVar("is_quiet", default=False)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel; ``name`` is what may be told of it."""

    name: str
    url: Secret = field(repr=False)

    def send(self, message: Message) -> bool:
        """Whether the service took it. Raises nothing: whatever goes wrong is a no. Seconds at most, not minutes."""
        import apprise
        from apprise.plugins.custom_json import NotifyJSON

        with quietened():
            try:
                service = _service(self.url)
                if service is None:
                    return False
                if isinstance(service, NotifyJSON):
                    # Beside title and message, for machines. The URL's own additions stay.
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
        SettingsError: apprise knows no such service, or the URL is not complete; by position, as the URL is a secret.
    """
    channels: dict[str, Channel] = {}
    for position, url in enumerate(urls, 1):
        with quietened():
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
def quietened() -> Iterator[None]:
    """Drop what the libraries log meanwhile on behalf of the caller, in whatever thread they do it."""
    for name in _TALKATIVE:
        # For good: a thread that is given up after a time-out may go on for a while. The same filter is added once.
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

    # One after the other and in this thread; nothing is kept on disk.
    return apprise.AppriseAsset(
        async_mode=False, app_id="st-pipeline", app_desc="st-pipeline alerts", storage_mode="memory"
    )


@cache
def _digest(url: Secret) -> str:
    """The same for the same URL. Slow on purpose: a URL may hold a password short enough to be guessed."""
    return hashlib.scrypt(url.reveal().encode(), salt=b"st-pipeline channel", n=2**14, r=8, p=1, dklen=4).hex()
