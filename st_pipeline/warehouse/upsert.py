"""The SQL and Arrow schemas for one load: stage table, upsert (the newest version wins), and status updates.

Statements and schemas only. loading.py runs them. Names come from the catalog, and values are parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from st_pipeline.landing.columns import ARROW_TYPES
from st_pipeline.landing.future_versions import usable_version
from st_pipeline.servicetitan.catalogue.model import Endpoint, FieldType

STAGE = "st_pipeline_stage"
IDS = "st_pipeline_ids"

_JSONB_FORMAT = "\x01"

_BOOKKEEPING = (
    ("_extra", "text", pa.string()),
    ("_version", "bigint", pa.int64()),
    ("_landed_at", "timestamptz", pa.timestamp("us", tz="UTC")),
)
_ROW = pa.field("_row", pa.int64())


def stage_schema(endpoint: Endpoint) -> pa.Schema:
    """The columns to copy: the fields, the bookkeeping columns, and ``_row``, the position in the file."""
    fields = [pa.field(field.column, ARROW_TYPES[field.type]) for field in endpoint.fields]
    return pa.schema([*fields, *(pa.field(name, type_) for name, _, type_ in _BOOKKEEPING), _ROW])


def numbered(endpoint: Endpoint, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The stage columns of ``batches``, with rows numbered across all of them."""
    schema = stage_schema(endpoint)
    first = 0
    for batch in batches:
        columns = [batch.column(name) for name in schema.names[:-1]]
        rows = pa.array(range(first, first + batch.num_rows), pa.int64())
        first += batch.num_rows
        yield pa.RecordBatch.from_arrays([*columns, rows], schema=schema)


def raw_rows(endpoint: Endpoint, tenant: str, batches: Iterable[pa.RecordBatch]) -> pa.RecordBatchReader:
    """The rows of ``batches`` that have an id, with the columns of ``raw.<entity>``, ready to be copied into it."""
    json_columns = {field.column for field in endpoint.fields if field.type is FieldType.JSONB} | {"_extra"}
    schema = pa.schema([pa.field("tenant", pa.string()), *list(stage_schema(endpoint))[:-1]])

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            usable = batch.filter(pc.is_valid(batch.column("id"))) if batch.column("id").null_count else batch
            columns: list[Any] = [pa.repeat(pa.scalar(tenant), usable.num_rows)]
            for name in schema.names[1:]:
                column = usable.column(name)
                # For binary COPY, jsonb text starts with its format number.
                columns.append(_as_jsonb(column) if name in json_columns else column)
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, rows())


def _as_jsonb(column: Any) -> Any:
    join: Any = pc.binary_join_element_wise  # its type hints allow only arrays, but it also takes scalars
    return join(_JSONB_FORMAT, column, "")


def any_known(endpoint: Endpoint) -> str:
    """Whether raw already has any id in the id table for tenant ``$1``.

    The limit keeps the planner, which has no statistics for either table, from joining the whole tables.
    """
    return f"""
        select exists (
            select from {IDS} i cross join lateral (
                select from raw."{endpoint.entity}" r where r.tenant = $1 and r.id = i.id limit 1
            ) as known
        )
    """


def create_stage(endpoint: Endpoint) -> str:
    """A temporary table. JSON is stored as text and cast when it is merged into raw."""
    types = {FieldType.JSONB: "text"}
    fields = [f'"{field.column}" {types.get(field.type, field.type.value)}' for field in endpoint.fields]
    own = [f"{name} {type_}" for name, type_, _ in _BOOKKEEPING]
    return f"create temporary table {STAGE} ({', '.join([*fields, *own, '_row bigint'])})"


def rounds_needed() -> str:
    """How many passes are needed to respect the order of arrival where it matters.

    The answer is 1, unless a record without a usable version shares its id with another record in the file. Then it is
    the number of times the most frequent id appears, so that each record has its own pass.
    """
    return f"""
        select case when bool_or(occurrences > 1 and has_unversioned) then max(occurrences) else 1 end from (
            select count(*) as occurrences, bool_or(_version is null) as has_unversioned
            from {STAGE} where id is not null group by id
        ) as ids
    """


def merge(endpoint: Endpoint, round_: int | None) -> str:
    """Upsert the stage into raw for tenant ``$1``. The newest version wins; among equal versions, the later arrival.

    A row marked as deleted is restored by a record that landed later. Reloading an older file leaves it marked.
    Without rounds, each id appears once, as its newest version. With rounds, each id appears once per round in order of
    arrival, so a record without a usable version is compared with those before it, as if each had been in its own file.
    """
    target = f'raw."{endpoint.entity}"'
    names = [field.column for field in endpoint.fields]
    quoted = [f'"{name}"' for name in names] + ["_extra", "_version", "_landed_at"]
    selected = [_selected(field.column, field.type) for field in endpoint.fields]
    selected += ["s._extra::jsonb", "s._version", "s._landed_at"]
    updated = [f"{name} = excluded.{name}" for name in quoted if name not in ('"id"', "_version")]
    held = usable_version("r")
    if round_ is None:
        source = f"select distinct on (id) * from {STAGE} where id is not null order by id, _version desc, _row desc"
    else:
        source = f"""
            select * from (
                select *, row_number() over (partition by id order by _row) as _round
                from {STAGE} where id is not null
            ) as arrived where _round = {round_:d}
        """
    return f"""
        insert into {target} as r (tenant, {", ".join(quoted)})
        select $1, {", ".join(selected)} from ({source}) as s
        on conflict (tenant, id) do update set
            {", ".join(updated)}, _version = greatest({held}, excluded._version),
            _deleted_at = case when r._deleted_at > excluded._landed_at then r._deleted_at end
        where (excluded._version >= {held}) is not false
    """


def mark_loaded() -> str:
    """Record that file ``$1`` is loaded: ``$2`` rows, ``$3`` records quarantined whole, fingerprint ``$4``."""
    return """
        update control.landed_files
        set loaded_at = clock_timestamp(), loaded_rows = $2, quarantined_whole = $3, loaded_fingerprint = $4
        where id = $1
    """


def mark_changed() -> str:
    """Record that entity ``$2`` of tenant ``$1`` changed, so that the reports built from it are due."""
    return """
        insert into control.raw_loads (tenant, entity, changed_at) values ($1, $2, clock_timestamp())
        on conflict (tenant, entity) do update set changed_at = excluded.changed_at
    """


def _selected(column: str, type_: FieldType) -> str:
    if type_ is FieldType.JSONB:
        return f's."{column}"::jsonb'
    # Decimals were copied with 19 decimal places. Trim the trailing zeros.
    return f'trim_scale(s."{column}")' if type_ is FieldType.NUMERIC else f's."{column}"'
