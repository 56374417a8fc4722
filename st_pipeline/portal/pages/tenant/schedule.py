"""A tenant's schedule: the form, and a live preview of the next five times. cadence_words.py writes the cadence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.responses import Response
from wtforms import SelectField, StringField
from wtforms.validators import Length

from st_pipeline.portal.web.forms import PortalForm, choices, refuse, sentence
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.cadence_words import (
    DAYS,
    KINDS,
    UNITS,
    USUAL,
    WEEKDAYS,
    ChoiceInvalid,
    fields_of,
    in_words,
    text_of,
)
from st_pipeline.schedule.due_times import parse, regular_times
from st_pipeline.schedule.tenant_states import parse_stored_cadence
from st_pipeline.tenants import fields
from st_pipeline.tenants.errors import FieldInvalid
from st_pipeline.tenants.time_zones import zone_names

TIMES = 5
PAUSED = "An operator paused this company. Ask an operator to resume it, then set the schedule."


class ScheduleForm(PortalForm):
    """Every kind of schedule has its own fields; those of other kinds are ignored."""

    kind = SelectField("How often", choices=choices(KINDS))
    at = StringField("At", [Length(max=10)], description="Like 02:00 or 17:30.")
    weekday = SelectField("On", choices=choices(WEEKDAYS))
    day = SelectField("On day", choices=choices(DAYS), description="Shorter months use their last day.")
    every = StringField("Every", [Length(max=10)])
    unit = SelectField("Unit", choices=choices(UNITS))
    cron = StringField("Cron expression", [Length(max=200)], description="Minute, hour, day, month, weekday.")
    opens = StringField("Start no earlier than", [Length(max=10)])
    closes = StringField("and no later than", [Length(max=10)])
    timezone = StringField("Time zone", [Length(max=100)], description="A time zone name, like America/New_York.")


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a choice, in words and with its next times, or everything that is wrong with it."""

    zone: str = "UTC"
    text: str = ""
    words: str = ""
    times: tuple[datetime, ...] = ()
    is_spread: bool = False
    """Whether each tenant starts with its own short delay."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Field -> what is wrong with it."""


def preview_of(chosen: Mapping[str, str], now: datetime) -> Preview:
    """The next TIMES times of a choice after ``now``. ``chosen`` has the names of USUAL, and ``timezone``. Pure."""
    zone, text = "", ""
    problems: dict[str, str] = {}
    try:
        text = text_of(chosen)
    except ChoiceInvalid as invalid:
        problems |= invalid.problems
    try:
        zone = fields.valid_timezone(chosen["timezone"])
    except FieldInvalid as invalid:
        problems["timezone"] = sentence(invalid)
    if problems:
        return Preview(problems=problems)
    cadence = parse(text)
    times = regular_times(cadence, zone, now, TIMES)
    return Preview(zone, text, in_words(cadence), tuple(times), cadence.is_spread)


def schedule(visit: Visit) -> Response:
    """The form with the saved schedule."""
    chosen = _stored(visit)
    return _page(visit, ScheduleForm(data=chosen), preview_of(chosen, visit.now))


def preview(visit: Visit) -> Response:
    """A preview of what is entered: a part of the page, for portal.js."""
    chosen = {name: visit.request.query_params.get(name, usual) for name, usual in _stored(visit).items()}
    return visit.render("schedule_preview.html", preview=preview_of(chosen, visit.now))


def save(visit: Visit) -> Response:
    """Save the schedule, or only preview it if that was requested."""
    form = ScheduleForm.of(visit)
    chosen = {name: getattr(form, name).data or "" for name in (*USUAL, "timezone")}
    found = preview_of(chosen, visit.now)
    is_valid = form.validate()
    for name, problem in found.problems.items():
        refuse(form[name], problem)
    if not is_valid or found.problems:
        return _page(visit, form, found, status=400)
    if visit.form.get("preview"):
        return _page(visit, form, found)
    tenant = visit.tenant
    may_pause = visit.actor.may(Permission.ADMINISTER)
    if not may_pause and "paused" in (found.text, tenant.cadence):
        refuse(form.kind, PAUSED if tenant.cadence == "paused" else "Only an operator can pause syncs.")
        return _page(visit, form, found, status=403)
    try:
        visit.operations().set(tenant.key, cadence=found.text, timezone=found.zone)
    except FieldInvalid as invalid:
        refuse(form.timezone, sentence(invalid))
        return _page(visit, form, found, status=400)
    return visit.redirect(f"/tenants/{tenant.key}/schedule", f"Schedule saved: {found.words}.")


def _stored(visit: Visit) -> dict[str, str]:
    return fields_of(parse_stored_cadence(visit.tenant.cadence)) | {"timezone": visit.tenant.timezone}


def _page(visit: Visit, form: ScheduleForm, preview: Preview, *, status: int = 200) -> Response:
    may_choose = visit.actor.may(Permission.ADMINISTER) or visit.tenant.cadence != "paused"
    if not visit.actor.may(Permission.ADMINISTER):
        form.kind.choices = choices({kind: label for kind, label in KINDS.items() if kind != "paused"})
    return visit.render(
        "schedule.html",
        status=status,
        form=form,
        preview=preview,
        zones=zones(),
        may_choose=may_choose,
        paused=PAUSED,
        stored=in_words(parse_stored_cadence(visit.tenant.cadence)),
    )


def zones() -> tuple[str, ...]:
    """Time zones to choose from; any other name can be typed."""
    return ("UTC", *(name for name in zone_names() if name.startswith(("America/", "Pacific/"))))


PAGES = (
    page("/tenants/{key}/schedule", schedule, permission=Permission.SEE_TENANT),
    page("/tenants/{key}/schedule", save, permission=Permission.SCHEDULE, methods=("POST",)),
    page("/tenants/{key}/schedule/preview", preview, permission=Permission.SEE_TENANT),
)
