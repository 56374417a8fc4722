"""Signs in people with a password here, and signs anyone out. Clients use invitation.py; OpenID Connect is in
signin_oidc.py.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from st_pipeline.operations import audit
from st_pipeline.operations.audit import Author
from st_pipeline.portal.oidc.provider import START
from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.web.cookies import DEVICE, DEVICE_LIVES, SESSION
from st_pipeline.portal.web.forms import PortalForm, SecretField
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit, home_of, safe_path

WRONG = "Wrong user name or password. Check both, or ask an operator to reset your password."
THROTTLED = "Too many attempts. Wait 15 minutes, then try again."


class SignInForm(PortalForm):
    """A name, a password, and the page to open afterwards."""

    name = StringField("User name", [InputRequired("Enter your user name."), Length(max=accounts.LONGEST_NAME)])
    password = SecretField("Password", [InputRequired("Enter your password.")])
    next = HiddenField()


def sign_in(visit: Visit) -> Response:
    """The form and its result. A user who is already signed in is redirected."""
    if visit.request.method != "POST":
        target = safe_path(visit.request.query_params.get("next", "/"))
        if visit.session:
            return visit.redirect(home_of(visit.actor) if target == "/" else target)
        return _form(visit, SignInForm.of(visit, next=target))
    form = SignInForm.of(visit)
    if not form.validate():
        return _form(visit, form, status=400)
    name = form.name.data
    throttle = visit.portal.throttle
    if not throttle.allows(visit.connection, name, visit.address, visit.now, visit.device):
        return _form(visit, form, THROTTLED, status=429)
    user_id = accounts.verify(visit.connection, name, form.password.secret)
    if user_id is None:
        # Someone may type a password as the name, so only existing names are recorded.
        known = accounts.find_name(visit.connection, name)
        audit.record(visit.connection, Author(known or "unknown", address=visit.address), "sign-in refused", visit.now)
        return _form(visit, form, WRONG, status=403)
    throttle.clear(visit.connection, name, visit.address, visit.device)
    audit.record(visit.connection, Author(name.strip().lower(), address=visit.address), "signed in", visit.now)
    response = visit.start_session(form.next.data or "/", user_id=user_id)
    device = throttle.known_device(name, visit.device)
    visit.portal.cookies.write(response, DEVICE, device, is_secure=visit.is_secure, lives=DEVICE_LIVES)
    return response


def sign_out(visit: Visit) -> Response:
    """End the session in the browser and on the server."""
    visit.record("signed out")
    sessions.end(visit.connection, visit.cookie_id)
    response = visit.redirect("/sign-in")
    response.delete_cookie(SESSION, path="/", secure=visit.is_secure, httponly=True, samesite="lax")
    return response


def show(visit: Visit, problem: str, *, status: int, next: str = "/", command: str | None = None) -> Response:
    """The empty form with a ``problem`` from signing in through the provider, and the ``command`` that fixes it."""
    return _form(visit, SignInForm.of(visit, next=next), problem, status=status, command=command)


def _form(
    visit: Visit, form: SignInForm, problem: str | None = None, *, status: int = 200, command: str | None = None
) -> Response:
    provider = visit.portal.provider
    elsewhere = f"{START}?{urlencode({'next': safe_path(form.next.data or '/')})}" if provider else None
    return visit.render(
        "signin.html",
        status=status,
        form=form,
        problem=problem,
        command=command,
        has_nobody=accounts.is_empty(visit.connection),
        elsewhere=elsewhere,
        provider=provider.host if provider else None,
    )


PAGES = (
    page("/sign-in", sign_in, permission=Permission.PUBLIC, methods=("GET", "POST")),
    page("/sign-out", sign_out, permission=Permission.OWN_ACCOUNT, methods=("POST",)),
)
