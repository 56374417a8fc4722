"""The fields that appeared in or disappeared from a tenant's records."""

from __future__ import annotations

from itertools import groupby

from starlette.responses import Response

from st_pipeline.history.drift import DriftedField, read_drift
from st_pipeline.portal.web.guards import Permission, page
from st_pipeline.portal.web.visit import Visit
from st_pipeline.portal.words.entity_words import entity_words


def drift(visit: Visit) -> Response:
    """The field changes by entity, new fields before missing ones."""
    fields = read_drift(visit.connection, visit.tenant.key)
    by_entity = [(entity, list(group)) for entity, group in groupby(fields, key=_entity)]
    return visit.render("drift.html", by_entity=by_entity, entity_words=entity_words)


def _entity(field: DriftedField) -> str:
    return field.entity


PAGES = (page("/tenants/{key}/drift", drift, permission=Permission.SEE_TENANT),)
