"""HTTP responses in the API's wording: JSON pages, error envelopes, the gateway's 404, HTML from a failing back end."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_SECTIONS = {400: "6.5.1", 403: "6.5.3", 404: "6.5.4", 409: "6.5.8"}
_HTML = {403: "Forbidden", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}


def json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(
        msgspec.json.encode(content), status, dict(headers or {}), media_type="application/json; charset=utf-8"
    )


def problem(
    status: int,
    title: str,
    errors: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The error envelope in every document (``ApiErrorResponse``): RFC 7807 with all six members."""
    body = {
        "type": f"https://tools.ietf.org/html/rfc7231#section-{_SECTIONS.get(status, '6.6.1')}",
        "title": title,
        "status": status,
        "traceId": secrets.token_hex(16),
        "errors": dict(errors or {}),
        "data": {},
    }
    response = json(body, status, headers)
    response.headers["content-type"] = "application/problem+json; charset=utf-8"
    return response


def invalid(errors: Mapping[str, list[str]]) -> Response:
    """400 for invalid values of known parameters."""
    return problem(400, "One or more validation errors occurred.", errors)


def too_many(seconds: int, *, with_header: bool) -> Response:
    """429: the title always names the wait, ``Retry-After`` only sometimes."""
    title = f"Rate limit is exceeded. Try again in {seconds} seconds."
    return problem(429, title, headers={"Retry-After": str(seconds)} if with_header else None)


def unmatched() -> Response:
    """The gateway's 404 for an unknown path, module or verb."""
    return json({"statusCode": 404, "message": "Unable to match incoming request to an operation."}, 404)


def broken(status: int) -> Response:
    """A 5xx as the gateway returns it, or a 403 as a firewall does: HTML."""
    text = f"{status} {_HTML[status]}"
    return Response(
        f"<html><head><title>{text}</title></head><body><center><h1>{text}</h1></center></body></html>",
        status,
        media_type="text/html",
    )


def compressed(request: Request, response: Response, *, allowed: bool) -> Response:
    """The same response with gzip (fastest level) if the client accepts it and the body is large enough."""
    body = bytes(response.body)
    if not allowed or len(body) < 1_000 or "gzip" not in request.headers.get("accept-encoding", ""):
        return response
    packed = gzip.compress(body, compresslevel=1, mtime=0)
    headers = {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    result = Response(packed, response.status_code, headers)
    result.headers["content-type"] = response.headers["content-type"]
    return result
