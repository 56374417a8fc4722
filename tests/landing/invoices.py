"""Invoice records for tests: complete ones with every field, and small ones with an id and a modification time."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Endpoint, Field, FieldType

INVOICES: Endpoint = endpoint("accounting_invoices")
JOB_TYPES: Endpoint = endpoint("jpm_job_types")
# The same table with few columns, for tests that land and load many times.
FEW: Endpoint = dataclasses.replace(
    INVOICES,
    fields=tuple(map(INVOICES.field, ("id", "modified_on", "summary", "total", "customer__id", "customer__name"))),
)

SAMPLES: dict[FieldType, Any] = {
    FieldType.BIGINT: 7,
    FieldType.TEXT: "text",
    FieldType.BOOLEAN: True,
    FieldType.NUMERIC: "12.50",
    FieldType.TIMESTAMPTZ: "2024-05-01T10:00:00.1234567Z",
    FieldType.DATE: "2024-05-01",
    FieldType.JSONB: [{"a": 1}],
}


def whole(endpoint: Endpoint, record_id: int = 1, **changes: Any) -> dict[str, Any]:
    """A record with every field in the catalog; ``changes`` replace top-level members."""
    record: dict[str, Any] = {}
    for field in endpoint.fields:
        put(record, field, SAMPLES[field.type])
    return record | {"id": record_id} | changes


def put(record: dict[str, Any], field: Field, value: Any) -> None:
    """Set the member of ``field`` in ``record``."""
    inside = record.setdefault(field.path[0], {}) if len(field.path) == 2 else record
    inside[field.path[-1]] = value


def small(record_id: int, modified: str | None = None, **members: Any) -> bytes:
    """A record with an id, a ``modifiedOn`` unless that is None, and ``members``."""
    changed = {} if modified is None else {"modifiedOn": modified}
    return encoded({"id": record_id} | changed | members)


def encoded(record: Any) -> bytes:
    """The JSON text of a record."""
    return json.dumps(record).encode()
