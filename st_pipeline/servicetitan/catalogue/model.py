"""Endpoints and fields: the catalog's frozen shapes, and what follows from them alone.

lookup.py reads the files, document.py the OpenAPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TENANT_PARAMETER = "tenant"


class FieldType(StrEnum):
    """The Postgres type of a column; the value is the type's SQL name."""

    BIGINT = "bigint"
    TEXT = "text"
    BOOLEAN = "boolean"
    NUMERIC = "numeric"
    TIMESTAMPTZ = "timestamptz"
    DATE = "date"
    JSONB = "jsonb"


class Kind(StrEnum):
    """How an endpoint returns its records: a feed with continuation tokens, or numbered pages."""

    EXPORT = "export"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a record. Any field except the key may be null, whatever the documents say."""

    path: tuple[str, ...]
    """Path to the value in the JSON: one name, or two for a member of a nested object."""
    column: str
    type: FieldType
    description: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One GET endpoint that returns many records."""

    entity: str
    """``crm_customers``. Several endpoints may serve one entity; ``lookup.entities()`` has the one to use."""
    module: str
    """The URL's first segment: ``equipmentsystems``."""
    path: str
    """The path, with placeholders: ``/crm/v2/tenant/{tenant}/export/customers``."""
    scope: str
    """The OAuth scope that grants it: ``tn.crm.customers:r``."""
    kind: Kind
    record: str
    """Name of the record's schema in the documents."""
    parameters: tuple[str, ...]
    """Every query parameter the API knows here. The API silently ignores unknown ones and returns everything."""
    always: tuple[tuple[str, str], ...]
    """Query parameters sent on every call, to include inactive records and keep the order of pages stable."""
    needs: tuple[str, ...]
    """Placeholders and required parameters that the caller must set; empty if the endpoint serves a whole tenant."""
    key: tuple[str, ...]
    """Columns that identify a record within a tenant; empty if none do."""
    cursor_field: str | None
    """JSON name of the last-modified time, ``modifiedOn``, or None if records have none."""
    fields: tuple[Field, ...]
    """Columns in document order, the key first."""
    max_page_size: int
    """The largest page size to request; 0 if the caller cannot choose (exports, bare arrays)."""
    first_page: int = 1

    @property
    def cursor_parameter(self) -> str | None:
        """The parameter that takes a cursor: ``from`` for exports, ``modifiedOnOrAfter`` for lists that have it.

        None: the endpoint can only be read in full.
        """
        name = "from" if self.kind is Kind.EXPORT else "modifiedOnOrAfter"
        return name if name in self.parameters else None

    @property
    def is_paged(self) -> bool:
        """Whether a list takes page numbers; otherwise it returns everything at once."""
        return "page" in self.parameters

    @property
    def operation(self) -> str:
        """``GET /crm/v2/tenant/{tenant}/export/customers``: for messages and call counts, without ids."""
        return f"GET {self.path}"

    def field(self, column: str) -> Field:
        """A column's field; KeyError if the record has no such column."""
        for field in self.fields:
            if field.column == column:
                return field
        raise KeyError(f"{self.entity} has no column {column}")
