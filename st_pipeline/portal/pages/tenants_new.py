"""Registers a tenant: its name, account and schedule. Its credentials are entered here or later by the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, ValidationError

from st_pipeline.portal.pages.tenant.connect import ENVIRONMENTS
from st_pipeline.portal.web.forms import PortalForm, SecretField, capital, choices, refuse, sentence
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.tenants import fields
from st_pipeline.tenants.credentials import OwnCredentials, own_credentials
from st_pipeline.tenants.errors import FieldInvalid, TenantBound, TenantExists
from st_pipeline.tenants.model import DEFAULT_CADENCE, NewTenant, Status, new_tenant

NO_KEYS = "no credentials entered yet"
_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
          "America/Anchorage", "Pacific/Honolulu", "America/Toronto", "UTC")  # fmt: skip
_CADENCES = ("nightly", "nightly 03:30", "weekly mon 02:00", "monthly 1", "monthly last", "every 6h", "paused")
# The field's name in the registry and credentials -> its name in the form.
_NAMES = {"tenant id": "tenant_id", "company code": "company_code", "client id": "client_id",
          "client secret": "client_secret", "app key": "app_key"}  # fmt: skip


def _by(check: Callable[[str], Any]) -> Callable[[Any, Any], None]:
    """A validator that applies the registry's rule for this field."""

    def validator(form: Any, field: Any) -> None:
        try:
            check(field.data or "")
        except FieldInvalid as invalid:
            raise ValidationError(_words(invalid)) from None

    return validator


class NewTenantForm(PortalForm):
    """Every field of a tenant; credentials are optional."""

    name = StringField(
        "Company", [_by(fields.valid_name)], description="The name people use.", render_kw={"required": True}
    )
    key = StringField(
        "Key (optional)",
        [_by(fields.valid_key)],
        description="The permanent name its data is stored under: a-z, 0-9 and hyphens, like lone-star. "
        "Leave empty to create it from the company's name.",
    )
    tenant_id = StringField(
        "ServiceTitan tenant id",
        [_by(fields.valid_tenant_id)],
        description="Find it in ServiceTitan under Settings > Integrations > API Application Access.",
        render_kw={"inputmode": "numeric", "required": True},
    )
    environment = SelectField("Environment", choices=choices({one.value: words for one, words in ENVIRONMENTS.items()}))
    company_code = StringField(
        "Company code (optional)",
        [_by(fields.valid_company_code)],
        description="Its code in your existing systems, like SM000250.",
    )
    trade = StringField("Trade (optional)", [_by(fields.valid_trade)], description="For example, Plumbing.")
    timezone = StringField(
        "Time zone",
        [InputRequired("Enter the company's time zone, like America/Chicago."), _by(fields.valid_timezone)],
        description="The company's time zone, used in its reports, like America/Chicago.",
        render_kw={"list": "zones"},
    )
    cadence = StringField(
        "Schedule",
        [_by(fields.valid_cadence)],
        description="nightly, weekly fri 03:00, monthly last, every 6h, a cron expression, or paused. You can change "
        "it later under Schedule and limit the hours in which syncs start.",
        render_kw={"list": "cadences"},
    )
    client_id = StringField("Client id (optional)", description="Enter it together with its secret.")
    client_secret = SecretField("Client secret (optional)", description="Stored encrypted and never shown again.")
    app_key = SecretField(
        "App key (optional)", description="Required unless one is set for all companies (SERVICETITAN_APP_KEY)."
    )


def tenants_new(visit: Visit) -> Response:
    """The form. If something is invalid, it is shown again with what was entered, except secrets."""
    form = NewTenantForm.of(visit, cadence=DEFAULT_CADENCE, environment=fields.Environment.PRODUCTION.value)
    if visit.request.method != "POST":
        return _form(visit, form)
    has_key = bool((form.key.data or "").strip())
    if not has_key:
        form.key.data = fields.slug(form.name.data or "") or ""
    is_valid = form.validate()
    if form.name.errors and not has_key:
        # It would be derived from the name.
        form.key.errors = []
    own = _own(visit, form)
    if not is_valid or form.errors:
        return _form(visit, form, status=400)
    new = new_tenant(**{name: getattr(form, name).data for name in NewTenant.__slots__})
    try:
        with visit.connection.transaction():
            visit.operations().register([(new, own)])
    except FieldInvalid as invalid:
        refuse(form[_NAMES.get(invalid.field, invalid.field)], _words(invalid))
        return _form(visit, form, status=400)
    except TenantBound as bound:
        refuse(form.key, capital(f"{bound}."))
        return _form(visit, form, status=409)
    except TenantExists as taken:
        problem = f"The key {new.key} is already taken. Choose another." if taken.is_key else capital(f"{taken.said}.")
        refuse(form.key if taken.is_key else form.tenant_id, problem)
        return _form(visit, form, status=409)
    return visit.redirect(f"/tenants/{new.key}", f"{new.name} was added{_tried(visit, new, own)}.")


def _own(visit: Visit, form: Any) -> OwnCredentials | None:
    """The credentials that were entered; problems are shown at the fields."""
    client_id, secret, app_key = (form.client_id.data or "").strip(), form.client_secret.secret, form.app_key.secret
    if not (client_id or secret.reveal() or app_key.reveal()):
        return None
    if not client_id:
        refuse(form.client_id, "Enter the client id too, or leave all credentials empty for the client to enter.")
    if not secret.reveal():
        refuse(
            form.client_secret, "Enter the client secret too, or leave all credentials empty for the client to enter."
        )
    if not client_id or not secret.reveal():
        return None
    shared = visit.portal.settings.servicetitan
    try:
        return own_credentials(client_id, secret, app_key if app_key.reveal() else None, shared.app_id)
    except FieldInvalid as invalid:
        refuse(form[_NAMES[invalid.field]], _words(invalid))
        return None


def _tried(visit: Visit, new: NewTenant, own: OwnCredentials | None) -> str:
    """The result of testing the credentials, for the notice."""
    if not own:
        return ". Enter its credentials or invite the client to do so"
    found = visit.operations().check(new.key, visit.portal.settings)
    if found.status is Status.CONNECTED:
        return f" and is {found.status.label}"
    return f". Test result: {found.status.label}. See Connect for what to do"


def _form(visit: Visit, form: Any, *, status: int = 200) -> Response:
    return visit.render("tenants_new.html", status=status, form=form, zones=_ZONES, cadences=_CADENCES)


def _words(invalid: FieldInvalid) -> str:
    if invalid.field == "cadence" and invalid.is_malformed:
        return "Enter it like one of these, or leave nightly and change it later under Schedule."
    return sentence(invalid)


PAGES = (page("/tenants/new", tenants_new, permission=Permission.ADMINISTER, methods=("GET", "POST")),)
