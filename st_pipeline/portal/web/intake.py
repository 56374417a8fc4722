"""Limits what comes in: bodies of 64 KB, UTF-8 text without NUL, forms as browsers send them. Refuses the rest early.

Each form validates its own fields.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.datastructures import FormData, Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
MOST_FIELDS = 200
FORM_TYPE = "application/x-www-form-urlencoded"

TOO_LARGE = "What you entered is too long. Go back, shorten it, and try again."
UNREADABLE = "Something you entered could not be read. Go back, retype it, and try again."


class TooLarge(HTTPException):
    """The body is larger than LARGEST_BODY."""

    def __init__(self) -> None:
        super().__init__(413, TOO_LARGE, {"Connection": "close"})


class Intake:
    """Stops reading a body that is too large, whatever its header says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise TooLarge
            return message

        scope.setdefault("state", {})["refusal"] = refusal(scope)
        await self._app(scope, limited, send)


def refusal(scope: Scope) -> HTTPException | None:
    """Why to refuse this request before reading its body; None if it may pass."""
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        return HTTPException(400, UNREADABLE)
    if int(length[:20]) > LARGEST_BODY:
        return TooLarge()
    path = scope.get("raw_path") or scope["path"].encode()
    if not all(_is_text(unquote_to_bytes(part)) for part in (path, scope["query_string"])):
        return HTTPException(400, UNREADABLE)
    return None


async def read_form(request: Request) -> FormData:
    """The fields of a form; a name can occur several times.

    Raises:
        HTTPException: 413 too large, 400 not a form, not UTF-8, with NUL, or with too many fields.
    """
    body = await request.body()
    if not body:
        return FormData()
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM_TYPE:
        raise HTTPException(400, f"Send forms as {FORM_TYPE}.")
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        fields = None
    if fields is None or any("\0" in text for field in fields for text in field):
        raise HTTPException(400, UNREADABLE)
    return FormData([(name, value) for name, value in fields])


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False
