"""Connects a tenant: its credentials are entered, tested when saved, and retested automatically until they work.

connection_words.py words the result, trying.py tests. credentials.py is for tenants that are already connected.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from wtforms import SelectField, StringField
from wtforms.validators import Length

from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.web.forms import PortalForm, SecretField, capital, choices, refuse, sentence
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.trying import OURS, try_automatically, try_now
from st_pipeline.portal.web.visit import Visit, is_by_script
from st_pipeline.portal.words.connection_words import Standing, scopes, standing
from st_pipeline.tenants import fields
from st_pipeline.tenants.credential_table import Outline
from st_pipeline.tenants.credentials import LONGEST, masked, new_parts
from st_pipeline.tenants.errors import FieldInvalid, TenantBound, TenantExists, VaultError
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant

TAKEN = "This tenant id is already registered. Check the number. If it is correct, ask the operator."
ENVIRONMENTS = {
    Environment.PRODUCTION: "Production (the live company)",
    Environment.INTEGRATION: "Integration (a test copy)",
    Environment.SANDBOX: "Sandbox (a simulated ServiceTitan)",
}
_FIELDS = {
    "tenant id": "tenant_id", "environment": "environment", "client id": "client_id",
    "client secret": "client_secret", "app key": "app_key",
}  # fmt: skip


class ConnectForm(PortalForm):
    """What ServiceTitan shows to the company's administrator."""

    tenant_id = StringField("Tenant id", [Length(max=40, message="This is too long for a tenant id.")])
    environment = SelectField("Environment", choices=[])
    client_id = StringField("Client id", [Length(max=LONGEST, message="This is too long for a client id.")])
    client_secret = SecretField("Client secret", [Length(max=LONGEST, message="This is too long for a client secret.")])
    app_key = SecretField(
        "App key",
        [Length(max=LONGEST, message="This is too long for an app key.")],
        description="ServiceTitan does not show you this key. Get it from the person who invited you.",
    )


def connect(visit: Visit) -> Response:
    """The state of the connection, how to connect, and the form."""
    if is_by_script(visit.request) and visit.actor.may(Permission.CONNECT):
        visit = visit.about(try_automatically(visit))
    return _page(visit, _form(visit))


def save(visit: Visit) -> Response:
    """Save what was entered, and test it."""
    form = _form(visit)
    if visit.tenant.status is Status.CONNECTED:
        return visit.redirect(
            _path(visit, "/credentials"), "This company is already connected. Change its credentials on this page."
        )
    if not form.validate() or not _store(visit, form):
        return _page(visit, form, status=400)
    tried = try_now(visit)
    return visit.redirect(_path(visit, "/connect"), f"Saved. {tried.problem or _notice(tried.tenant)}")


def try_again(visit: Visit) -> Response:
    """Test the saved credentials."""
    tried = try_now(visit)
    return visit.redirect(_path(visit, "/connect"), tried.problem or _notice(tried.tenant))


def _store(visit: Visit, form: ConnectForm) -> bool:
    """Whether it was saved; if not, the form shows which field is wrong."""
    tenant, operations = visit.tenant, visit.operations()
    outline = operations.registry.outline(tenant.key)
    for field in (form.client_id, form.client_secret):
        if not field.data and (outline is None or form.client_id.data or form.client_secret.data):
            refuse(field, f"Enter the {field.label.text.lower()}.")
    if "app_key" in form and not form.app_key.data and not (outline and outline.has_own_app_key):
        refuse(form.app_key, "Enter the app key. The person who invited you has it.")
    if tenant.connected_at is None:
        try:
            fields.valid_tenant_id(form.tenant_id.data or "")
        except FieldInvalid as invalid:
            refuse(form.tenant_id, sentence(invalid))
    if form.errors:
        return False
    changes = {"tenant_id": form.tenant_id.data, "environment": form.environment.data}
    try:
        parts = new_parts(
            form.client_id.data or None,
            form.client_secret.secret if form.client_secret.data else None,
            form.app_key.secret if "app_key" in form and form.app_key.data else None,
        )
        with visit.connection.transaction():
            if parts.client_id or parts.client_secret or parts.app_key:
                operations.replace_credentials(tenant.key, parts)
            if tenant.connected_at is None:
                operations.set(tenant.key, **changes)
    except FieldInvalid as invalid:
        refuse(form[_FIELDS[invalid.field]], sentence(invalid))
        return False
    except (TenantExists, TenantBound) as taken:
        # Only operators may see which tenant has it.
        problem = taken.said if isinstance(taken, TenantExists) else taken.problem
        refuse(form.tenant_id, capital(f"{problem}.") if visit.actor.role is Role.OPERATOR else TAKEN)
        return False
    except VaultError:
        refuse(form.client_secret, OURS)
        return False
    return True


def _form(visit: Visit) -> ConnectForm:
    tenant = visit.tenant
    form = ConnectForm.of(visit, tenant_id=str(tenant.tenant_id), environment=tenant.environment.value)
    may_have = [Environment.PRODUCTION, Environment.INTEGRATION]
    if tenant.environment is Environment.SANDBOX or visit.actor.role is Role.OPERATOR:
        may_have.append(Environment.SANDBOX)
    form.environment.choices = choices({one.value: ENVIRONMENTS[one] for one in may_have})
    if tenant.connected_at:
        # Its data is stored as this account's, so neither field can change.
        form.tenant_id.data, form.environment.data = str(tenant.tenant_id), tenant.environment.value
    if visit.portal.settings.servicetitan.app_key:
        del form.app_key
    return form


def _page(visit: Visit, form: ConnectForm, *, status: int = 200) -> Response:
    outline = visit.registry().outline(visit.tenant.key)
    return visit.render("connect.html", status=status, form=form, **facts(visit, outline))


def answer(visit: Visit, outline: Outline | None) -> Standing:
    """The state of the tenant's connection."""
    return standing(visit.tenant, outline, has_app_key=has_app_key(visit, outline))


def facts(visit: Visit, outline: Outline | None) -> dict[str, Any]:
    """What the pages about credentials show of a tenant."""
    tenant = visit.tenant
    is_complete = has_app_key(visit, outline)
    return {
        "answer": answer(visit, outline),
        "scopes": scopes(tenant) if tenant.status is Status.CONNECTED else [],
        "outline": outline,
        "client_id": masked(outline.client_id) if outline else None,
        "app_key": "own" if outline and outline.has_own_app_key else "shared" if is_complete else None,
    }


def has_app_key(visit: Visit, outline: Outline | None) -> bool:
    """Whether it has its own app key or there is a shared one."""
    return visit.portal.settings.servicetitan.app_key is not None or bool(outline and outline.has_own_app_key)


def _notice(tenant: Tenant) -> str:
    return f"Test result: {tenant.status.label}."


def _path(visit: Visit, part: str) -> str:
    return f"/tenants/{visit.tenant.key}{part}"


PAGES = (
    page("/tenants/{key}/connect", connect, permission=Permission.SEE_TENANT),
    page("/tenants/{key}/connect", save, permission=Permission.CONNECT, methods=("POST",)),
    page("/tenants/{key}/connect/try", try_again, permission=Permission.CONNECT, methods=("POST",)),
)
