"""A tenant's credentials: how old each secret is and whether it works, adding a second one, and revoking either.

Secrets are never shown, not even their length. connect.py is for entering them the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.responses import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from st_pipeline.portal.pages.tenant.connect import facts
from st_pipeline.portal.web.forms import PortalForm, SecretField, refuse, sentence
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.trying import OURS, try_now
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.formats import Badge
from st_pipeline.tenants.credential_table import Outline, SecretOutline
from st_pipeline.tenants.credentials import LONGEST, new_parts
from st_pipeline.tenants.errors import CredentialsMissing, FieldInvalid, VaultError

REMIND_AFTER = timedelta(days=90)
TWO = "Two secrets are already saved. Revoke one, then add the new one."
NONE = "No credentials are saved yet. Enter the client id and secret under Connect first."


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One secret on the page. ``id`` identifies it in forms."""

    id: str
    name: str
    outline: SecretOutline
    days: int
    is_old: bool
    badge: Badge


class RotateForm(PortalForm):
    """A newer secret for the same client id."""

    new_secret = SecretField("New client secret", [InputRequired("Enter the new secret."), Length(max=LONGEST)])


class ReplaceForm(PortalForm):
    """A new client id and secret, or the tenant's own app key."""

    client_id = StringField("Client id", [Length(max=LONGEST)])
    client_secret = SecretField("Client secret", [Length(max=LONGEST)])
    app_key = SecretField(
        "App key for this company",
        [Length(max=LONGEST)],
        description="Only if this company uses a different app. Leave empty to keep the current key.",
    )


def credentials(visit: Visit) -> Response:
    """The stored credentials and the forms."""
    return _page(visit, RotateForm(), ReplaceForm())


def replace(visit: Visit) -> Response:
    """Replace the credentials, and test them right away."""
    form = ReplaceForm.of(visit)
    is_valid = form.validate()
    if bool(form.client_id.data) != bool(form.client_secret.data):
        refuse(form.client_id, "Enter both the client id and the secret.")
    elif not (form.client_id.data or form.app_key.data):
        refuse(form.client_id, "Enter a new client id and secret, or a new app key.")
    if not is_valid or form.client_id.errors:
        return _page(visit, RotateForm(), form, status=400)
    try:
        parts = new_parts(
            form.client_id.data or None,
            form.client_secret.secret if form.client_secret.data else None,
            form.app_key.secret if form.app_key.data else None,
        )
        visit.operations().replace_credentials(visit.tenant.key, parts)
    except FieldInvalid as invalid:
        refuse(form[invalid.field.replace(" ", "_")], sentence(invalid))
        return _page(visit, RotateForm(), form, status=400)
    except CredentialsMissing:
        refuse(form.client_id, NONE)
        return _page(visit, RotateForm(), form, status=400)
    return _tried(visit, "Credentials replaced")


def rotate(visit: Visit) -> Response:
    """Add a second secret beside the first, and test it right away; syncs continue with whichever works."""
    form = RotateForm.of(visit)
    if not form.validate():
        return _page(visit, form, ReplaceForm(), status=400)
    try:
        was_added = visit.operations().add_secret(visit.tenant.key, form.new_secret.secret)
    except FieldInvalid as invalid:
        refuse(form.new_secret, sentence(invalid))
    except CredentialsMissing:
        refuse(form.new_secret, NONE)
    except VaultError:
        refuse(form.new_secret, OURS)
    else:
        if was_added:
            return _tried(visit, "New secret saved")
        refuse(form.new_secret, TWO)
    return _page(visit, form, ReplaceForm(), status=400)


def revoke(visit: Visit) -> Response:
    """Delete one secret here. The company's administrator deletes it in ServiceTitan."""
    key = visit.tenant.key
    rows = secret_rows(visit.registry().outline(key), visit.now)
    found = [row for row in rows if row.id == visit.form.get("secret")]
    if not found:
        return visit.redirect(_path(visit), "That secret was already removed.")
    if len(rows) == 1 and visit.form.get("sure") != "yes":
        raise HTTPException(400, "This is the only secret. Check the box to confirm that syncs will stop.")
    visit.operations().revoke_secret(key, found[0].outline.added_at, found[0].name.lower())
    return _tried(visit, "Secret revoked here. Delete it in ServiceTitan too")


def secret_rows(outline: Outline | None, now: datetime) -> list[SecretRow]:
    """The stored secrets, newest first. Pure."""
    if outline is None:
        return []
    named = (
        [("Newest", outline.newest), ("Older", outline.older)] if outline.older else [("Client secret", outline.newest)]
    )
    return [_row(name, secret, now) for name, secret in named if secret]


def _row(name: str, secret: SecretOutline, now: datetime) -> SecretRow:
    age = now - secret.added_at
    badge = Badge("rejected", "bad") if secret.refused_at else Badge("works", "good")
    if not (secret.refused_at or secret.worked_at):
        badge = Badge("not tested", "quiet")
    days = max(age.days, 0)
    return SecretRow(secret.added_at.isoformat(), name, secret, days, age >= REMIND_AFTER, badge)


def _tried(visit: Visit, done: str) -> Response:
    tried = try_now(visit)
    problem = tried.problem
    notice = f"{done}. {problem}" if problem else f"{done}. Test result: {tried.tenant.status.label}."
    return visit.redirect(_path(visit), notice)


def _page(visit: Visit, form: RotateForm, others: ReplaceForm, *, status: int = 200) -> Response:
    outline = visit.registry().outline(visit.tenant.key)
    return visit.render(
        "credentials.html",
        status=status,
        form=form,
        others=others,
        secrets=secret_rows(outline, visit.now),
        remind_after=REMIND_AFTER.days,
        **facts(visit, outline),
    )


def _path(visit: Visit) -> str:
    return f"/tenants/{visit.tenant.key}/credentials"


PAGES = (
    page("/tenants/{key}/credentials", credentials, permission=Permission.SEE_TENANT),
    page("/tenants/{key}/credentials", replace, permission=Permission.CONNECT, methods=("POST",)),
    page("/tenants/{key}/credentials/rotate", rotate, permission=Permission.CONNECT, methods=("POST",)),
    page("/tenants/{key}/credentials/revoke", revoke, permission=Permission.CONNECT, methods=("POST",)),
)
