"""Parse the API's error bodies (RFC 7807 "ProblemDetails"). Some are HTML, some are empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

_LONGEST = 500
# RFC 6749, section 5.2: what a token endpoint may say.
_OAUTH_CODES = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """The contents of an error body; empty if nothing is usable."""

    title: str = ""
    trace_id: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    """Field -> message, in the original order."""
    code: str = ""
    """The token endpoint's ``error``: ``invalid_client``."""
    message: str = ""
    """What the API's gateway says instead of a title: for a path that it does not know."""

    @property
    def is_of_token_endpoint(self) -> bool:
        """Whether the token endpoint itself said this, not a firewall or proxy on the way."""
        return self.code in _OAUTH_CODES

    def is_of_api(self, status: int) -> bool:
        """Whether the API itself said this with ``status``, not a firewall or proxy on the way.

        Only a title can refuse credentials or a scope: gateways of others say ``{"message": "Forbidden"}``.
        """
        return bool(self.title) or (status not in (401, 403) and bool(self.errors or self.message))

    @property
    def text(self) -> str:
        """Title and field errors on one line, at most 500 characters; "" if there are none."""
        details = "; ".join(f"{name}: {message}" for name, message in self.errors)
        text = " ".join(" — ".join(part for part in (self.title or self.message, details, self.code) if part).split())
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def parse_problem(body: bytes) -> Problem:
    """The problem in a body; an empty one if the body is not a JSON object. Never raises."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Problem()
    if not isinstance(parsed, dict):
        return Problem()
    return Problem(
        title=_text(parsed.get("title")),
        trace_id=_text(parsed.get("traceId")) or None,
        errors=tuple(_errors(parsed.get("errors"))),
        code=_text(parsed.get("error")),
        message=_text(parsed.get("message")),
    )


def redacted(problem: Problem, secrets: Iterable[str]) -> Problem:
    """The problem without secret values, in case a server echoes what it received.

    Also removes their form- and URL-encoded versions.
    """
    forms = {form for secret in secrets for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))}

    def clean(text: str) -> str:
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, "***")
        return text

    return Problem(
        title=clean(problem.title),
        # Truncate only here: once a secret is cut in two, its parts can no longer be found.
        trace_id=clean(problem.trace_id)[:100] if problem.trace_id else None,
        errors=tuple((clean(name), clean(message)) for name, message in problem.errors),
        code=clean(problem.code),
        message=clean(problem.message),
    )


def _text(value: Any) -> str:
    """A string without control characters, which Postgres cannot store; "" for any other value."""
    return "".join(c if c.isprintable() else " " for c in value) if isinstance(value, str) else ""


def _errors(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return []
    return [
        (_text(str(name)), _text(str(message)))
        for name, messages in value.items()
        for message in (messages if isinstance(messages, list) else [messages])
    ]
