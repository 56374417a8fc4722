"""Signs in through the OpenID Connect provider: the redirect there and the way back. Only if one is configured.

Both are links, because the content security policy allows forms only to this site, including their redirects.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import timedelta
from hmac import compare_digest

from starlette.responses import RedirectResponse, Response

from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author
from st_pipeline.portal.oidc.provider import (
    CALLBACK,
    START,
    AnswerNotTrusted,
    OidcError,
    Provider,
    ProviderRefused,
    ProviderUnreachable,
)  # fmt: skip
from st_pipeline.portal.oidc.sign_in_attempt import Attempt
from st_pipeline.portal.pages import signin
from st_pipeline.portal.people import bindings
from st_pipeline.portal.people.bindings import NotAdmitted
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit, home_of, safe_path
from st_pipeline.secret import Secret

ATTEMPT = "st_pipeline_oidc"
LIVES = timedelta(minutes=10)
LONGEST_NEXT = 1000
"""Browsers drop cookies over 4 KB."""

NOT_BEGUN = (
    "This sign-in started in another browser, is more than 10 minutes old, or was already completed. Start again at "
    "the portal's address: "
)
UNREACHABLE = "The provider is not responding. Try again in a minute. Operators: run st-pipeline doctor."
REFUSED = (
    "The provider rejected the sign-in. Try again. If it keeps happening, operators can find the reason in the log."
)
NOT_TRUSTED = (
    "The provider's response could not be verified, so you were not signed in. Operators: check the log or run "
    "st-pipeline doctor."
)
DENIED = "The sign-in was canceled or declined. Try again, or ask the provider's administrator for access."

_log = logging.getLogger(__name__)


def begin(visit: Visit) -> Response:
    """Redirect to the provider; a cookie keeps what the way back needs. A signed-in user is redirected home."""
    target = safe_path(visit.request.query_params.get("next", "/"))
    target = target if len(target) <= LONGEST_NEXT else "/"
    if visit.session:
        return visit.redirect(home_of(visit.actor) if target == "/" else target)
    attempt = Attempt.new(target)
    try:
        url = _provider(visit).authorization_url(attempt)
    except OidcError as error:
        return _failed(visit, error, attempt)
    response = RedirectResponse(url, 303)
    visit.portal.cookies.write_value(
        response, ATTEMPT, asdict(attempt), visit.now, LIVES, path=START, is_secure=visit.is_secure
    )
    return response


def come_back(visit: Visit) -> Response:
    """Start a session for a person with an account. Each attempt is valid once, whatever its result."""
    response = _outcome(visit)
    response.delete_cookie(ATTEMPT, path=START, secure=visit.is_secure, httponly=True, samesite="lax")
    return response


def _outcome(visit: Visit) -> Response:
    begun = visit.portal.cookies.read_value(visit.request, ATTEMPT, visit.now)
    attempt = Attempt(**begun) if begun else None
    if not visit.portal.throttle.allows_address(visit.connection, visit.address, visit.now):
        return _show(visit, signin.THROTTLED, status=429, attempt=attempt)
    given = visit.request.query_params
    is_ours = attempt and compare_digest(attempt.state.encode(), given.get("state", "").encode())
    if not attempt or not is_ours:
        _record_refusal(visit, "expired, already used, or started in another browser")
        return _show(visit, f"{NOT_BEGUN}{visit.portal.settings.portal_url}", status=400)
    if given.get("error") == "access_denied":
        _record_refusal(visit, "denied at the provider")
        return _show(visit, DENIED, status=403, attempt=attempt)
    provider = _provider(visit)
    try:
        if given.get("error"):
            raise provider.refusal(given["error"])
        # RFC 9207: never send our provider a code from another issuer.
        if given.get("iss", provider.client.issuer) != provider.client.issuer:
            raise AnswerNotTrusted(f"{provider.client.issuer}: the response came from another issuer")
        if not given.get("code"):
            raise provider.refusal("without a code")
        identity = provider.identify(Secret(given["code"]), attempt, visit.now)
    except OidcError as error:
        _record_refusal(visit, _kind(error)[0])
        return _failed(visit, error, attempt)
    try:
        with visit.connection.transaction():
            admitted = bindings.admit(visit.connection, identity, visit.now)
            bound = {"bound": "to this identity"} if admitted.is_new else {}
            _record(visit, admitted.name, "signed in", **bound)
            return visit.start_session(attempt.next, user_id=admitted.user_id)
    except NotAdmitted as refused:
        # The provider identified the person, so the audit may have the address: no one typed it here.
        _record_refusal(visit, refused.why, account=refused.account, address=identity.email)
        return _show(visit, str(refused), status=403, attempt=attempt, command=refused.command)


def _provider(visit: Visit) -> Provider:
    assert visit.portal.provider, "without one there are no such routes"
    return visit.portal.provider


def _kind(error: OidcError) -> tuple[str, str, int]:
    """The text for the audit and for the page, and the HTTP status."""
    if isinstance(error, ProviderUnreachable):
        return "provider unreachable", UNREACHABLE, 503
    if isinstance(error, ProviderRefused):
        return "refused by the provider", REFUSED, 403
    return "provider not trusted", NOT_TRUSTED, 502


def _failed(visit: Visit, error: OidcError, attempt: Attempt) -> Response:
    _log.warning("sign-in through OpenID Connect failed: %s", error)
    _, words, status = _kind(error)
    return _show(visit, words, status=status, attempt=attempt)


def _show(
    visit: Visit, problem: str, *, status: int, attempt: Attempt | None = None, command: str | None = None
) -> Response:
    """The sign-in page with what went wrong, to try again from."""
    return signin.show(visit, problem=problem, status=status, next=attempt.next if attempt else "/", command=command)


def _record(visit: Visit, actor: str, action: str, **detail: str) -> None:
    detail = {"through": "OpenID Connect", **detail}
    audit.record(visit.connection, Author(actor, address=visit.address), action, visit.now, detail=detail)


def _record_refusal(visit: Visit, why: str, *, account: str | None = None, address: str | None = None) -> None:
    _record(visit, account or "unknown", "sign-in refused", why=why, **({"e-mail": address} if address else {}))


PAGES = (
    page(START, begin, permission=Permission.PUBLIC),
    page(CALLBACK, come_back, permission=Permission.PUBLIC),
)
"""Part of the application if a provider is configured."""
