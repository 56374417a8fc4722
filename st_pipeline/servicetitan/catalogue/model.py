"""What an endpoint and its fields are: the frozen shapes of the catalogue, and what follows from them alone.

No reading of files (lookup.py), no OpenAPI (document.py).
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
    """How an endpoint hands out its records: a feed with continuation tokens, or numbered pages."""

    EXPORT = "export"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a record. Any field but the key may be null, whatever the documents say."""

    path: tuple[str, ...]
    """Names on the way to the value in the JSON: one, or two for a member of a nested object."""
    column: str
    type: FieldType
    description: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One GET endpoint that answers with many records."""

    entity: str
    """``crm_customers``. Several endpoints may serve one entity; ``loading.entities()`` has the one to use."""
    module: str
    """The URL's first segment: ``equipmentsystems``."""
    path: str
    """From the host on, with placeholders: ``/crm/v2/tenant/{tenant}/export/customers``."""
    scope: str
    """The OAuth scope that grants it: ``tn.crm.customers:r``."""
    kind: Kind
    record: str
    """Name of the record's schema in the documents."""
    parameters: tuple[str, ...]
    """Every query parameter the API knows here. It ignores unknown ones silently and answers unfiltered."""
    always: tuple[tuple[str, str], ...]
    """Query parameters sent on every call, so that inactive records come too and pages keep their order."""
    needs: tuple[str, ...]
    """Placeholders and required parameters that only a caller can fill; empty for what is read for a whole tenant."""
    key: tuple[str, ...]
    """Columns that tell two records of a tenant apart; empty where nothing does."""
    cursor_field: str | None
    """JSON name of the time of the last change, ``modifiedOn``, or None where records have none."""
    fields: tuple[Field, ...]
    """Columns in the documents' order, the key first."""
    max_page_size: int
    """The largest page that may be asked for; 0 where the caller has no say (exports, bare arrays)."""
    first_page: int = 1

    @property
    def cursor_parameter(self) -> str | None:
        """The parameter that takes a cursor: ``from`` of exports, ``modifiedOnOrAfter`` of lists that have it.

        None: the endpoint can only be read whole.
        """
        name = "from" if self.kind is Kind.EXPORT else "modifiedOnOrAfter"
        return name if name in self.parameters else None

    @property
    def is_paged(self) -> bool:
        """Whether a list takes page numbers; one that does not answers everything at once."""
        return "page" in self.parameters

    @property
    def operation(self) -> str:
        """``GET /crm/v2/tenant/{tenant}/export/customers``: for messages and call counts, free of ids."""
        return f"GET {self.path}"

    def field(self, column: str) -> Field:
        """The field of a column; KeyError where the record has none of that name."""
        for field in self.fields:
            if field.column == column:
                return field
        raise KeyError(f"{self.entity} has no column {column}")
