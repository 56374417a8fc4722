"""Everything a sync leaves behind, in a form that can be compared between runs: rows, ledger, quarantine, files.

Times and what is derived from them (a batch's name) are left out; everything else must be equal.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
from psycopg import sql

from st_pipeline.landing.zone import OWNER
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES

Snapshot = dict[str, list[tuple[Any, ...]]]

# Files with their batch's number, because batch names contain a time and a random part.
_FILES = """
    select *, dense_rank() over (partition by tenant, entity order by first) as number
    from (select *, min(id) over (partition by tenant, entity, batch) as first from control.landed_files) as files
"""
_CONTROL = {
    "ledger": f"""
        select tenant, entity, number, n, records, quarantined_whole, pages, cursor_from, cursor_to, fingerprint,
            loaded_rows, loaded_fingerprint is not distinct from fingerprint as is_loaded
        from ({_FILES}) as f
    """,
    "quarantine": f"""
        select q.tenant, q.entity, number, n, row_number, record_id, field, reason, record
        from control.quarantine q join ({_FILES}) as f on f.id = q.file_id
    """,
    "cursors": """
        select tenant, entity, cursor, is_complete, full_batch is null as is_judged from control.cursors
    """,
    "drift": "select tenant, entity, field, kind from control.drift",
    "changed": "select tenant, entity from control.raw_loads",
}
BY_BATCH = ("ledger", "quarantine", "files")


def take(connection: psycopg.Connection, landing: Path) -> Snapshot:
    """All of it, sorted."""
    found: Snapshot = {f"raw.{entity}": raw_rows(connection, entity) for entity in ASSET_ENTITIES}
    for name, query in _CONTROL.items():
        rows = connection.execute(query).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]
        found[name] = sorted(rows, key=repr)
    found["files"] = _files(connection, landing)
    return found


def raw_rows(connection: psycopg.Connection, entity: str) -> list[tuple[Any, ...]]:
    """(tenant, id, the row as JSON, whether it is marked deleted); decimals keep all digits."""
    query = sql.SQL(
        """
        select tenant, id, (to_jsonb(r) - '_landed_at' - '_deleted_at')::text, _deleted_at is not null
        from {} as r order by tenant, id
        """
    )
    return connection.execute(query.format(sql.Identifier("raw", entity))).fetchall()


def _files(connection: psycopg.Connection, landing: Path) -> list[tuple[Any, ...]]:
    """The content of every file in the landing zone, by its place in the ledger; a file not in the ledger says so."""
    rows = connection.execute(f"select path, tenant, entity, number, n from ({_FILES}) as f")  # pyright: ignore
    places = {path: place for path, *place in rows}
    found: list[tuple[Any, ...]] = []
    for path in landing.rglob("*"):
        if path.is_file() and path.name != OWNER:
            name = str(path.relative_to(landing))
            content = records_of(path) if name in places else []
            digest = hashlib.sha256("\n".join(content).encode()).hexdigest()
            found.append((*places.pop(name, ["orphan", name]), len(content), digest))
    found += [("missing", path) for path in places]
    return sorted(found, key=repr)


def records_of(path: Path) -> list[str]:
    """The verbatim records of a landed file."""
    texts = pq.read_table(path, columns=["_record"], partitioning=None).column("_record").to_pylist()
    return [str(text) for text in texts]


def assert_equal(found: Snapshot, wanted: Snapshot, when: str, *, read_again: Collection[str] = ()) -> None:
    """Compare row by row, including duplicates; a difference names the part and shows one row.

    Entities in ``read_again`` may have more files of a batch than expected: what a killed sync had completed is read
    again, completely by a full sync, or a list's last hour by any sync.
    """
    assert found.keys() == wanted.keys()
    last = {entity: max(r[2] for r in wanted["ledger"] if r[1] == entity) for _, entity, *_ in wanted["ledger"]}
    for part in wanted:
        rows = found[part]
        if part in BY_BATCH:
            rows = [r for r in rows if not (r[1] in read_again and r[2] == last.get(r[1], 0) + 1)]
        there, expected = Counter(rows), Counter(wanted[part])
        missing, surplus = expected - there, there - expected
        assert not missing and not surplus, (
            f"{when}: {part}: {missing.total()} missing, {surplus.total()} too many, for example\n"
            f"missing {next(iter(missing), None)}\nsurplus {next(iter(surplus), None)}"
        )


def assert_tidy(found: Snapshot) -> None:
    """The landing zone has exactly the files in the ledger, and all of them are loaded."""
    assert not [row for row in found["files"] if row[0] in ("orphan", "missing")]
    assert all(is_loaded for *_, is_loaded in found["ledger"])


def assert_balanced(connection: psycopg.Connection, tenant: str, sent: dict[str, int]) -> None:
    """Loaded + quarantined whole = sent, for every entity."""
    for entity, count in sent.items():
        loaded = connection.execute(
            sql.SQL("select count(*) from {} where tenant = %s and _deleted_at is null").format(
                sql.Identifier("raw", entity)
            ),
            (tenant,),
        ).fetchone()
        whole = connection.execute(
            "select count(*) from control.quarantine where tenant = %s and entity = %s and field is null",
            (tenant, entity),
        ).fetchone()
        assert loaded and whole
        assert loaded[0] + whole[0] == count, f"{tenant} {entity}: {loaded[0]} + {whole[0]} of {count}"
