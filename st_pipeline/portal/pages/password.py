"""Changes the user's own password. ``st-pipeline users password`` sets other people's."""

from __future__ import annotations

from starlette.responses import Response
from wtforms.validators import EqualTo, InputRequired, Length

from st_pipeline.portal.pages.signin import THROTTLED
from st_pipeline.portal.people import accounts
from st_pipeline.portal.web.forms import PortalForm, SecretField, refuse
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit


class PasswordForm(PortalForm):
    """The current password, and the new one twice."""

    present = SecretField("Current password", [InputRequired("Enter the password you signed in with.")])
    new = SecretField(
        "New password",
        [
            InputRequired("Enter a new password."),
            Length(
                accounts.SHORTEST_PASSWORD,
                accounts.LONGEST_PASSWORD,
                f"Use {accounts.SHORTEST_PASSWORD} to {accounts.LONGEST_PASSWORD} characters.",
            ),
        ],
        description=f"At least {accounts.SHORTEST_PASSWORD} characters. A few random words work well.",
    )
    again = SecretField("Confirm new password", [EqualTo("new", "The passwords do not match.")])


def password(visit: Visit) -> Response:
    """The form. A change ends every session of the account and starts a new one in this browser.

    People who sign in only through OpenID Connect see a notice: an operator can set a password, this page can't.
    """
    form = PasswordForm.of(visit)
    if not accounts.find(visit.connection, visit.actor.name).has_password:
        return visit.render("password.html", status=200 if visit.request.method == "GET" else 403, form=None)
    if visit.request.method != "POST":
        return visit.render("password.html", form=form)
    if not form.validate():
        return visit.render("password.html", status=400, form=form)
    actor = visit.actor
    if not visit.portal.throttle.allows(visit.connection, actor.name, visit.address, visit.now, visit.device):
        refuse(form.present, THROTTLED)
        return visit.render("password.html", status=429, form=form)
    if accounts.verify(visit.connection, actor.name, form.present.secret) is None:
        refuse(form.present, "This is not your current password.")
        visit.record("password change refused")
        return visit.render("password.html", status=403, form=form)
    visit.portal.throttle.clear(visit.connection, actor.name, visit.address, visit.device)
    assert actor.user_id is not None
    with visit.connection.transaction():
        accounts.set_password(visit.connection, actor.user_id, form.new.secret, visit.now)
        visit.record("password changed")
    return visit.start_session(
        "/", user_id=actor.user_id, notice="Password changed. You were signed out everywhere else."
    )


PAGES = (page("/password", password, permission=Permission.OWN_PASSWORD, methods=("GET", "POST")),)
