"""Search for a secret everywhere it could leak: texts, files, Parquet, every table of a database."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from tests.end_to_end.snapshot import records_of

# Part of every secret in these tests, and of nothing else: finding it in any form finds all of them.
MARK = b"Canary+"


def forms(mark: bytes = MARK) -> list[bytes]:
    """The mark as it is, URL-encoded, in hexadecimal, and in base64 at each of the three possible offsets."""
    word = mark.rstrip(b"+")
    found = [word, word.hex().encode(), word.hex().upper().encode(), word[::-1]]
    for before in range(3):
        text = base64.b64encode(b"\0" * before + mark)
        # Only the characters that the mark alone determines.
        found.append(text[(before * 8 + 5) // 6 : (before + len(mark)) * 8 // 6])
    return found


FORMS = forms()


def is_in(content: bytes) -> bool:
    return any(form in content for form in FORMS)


def files_with(folder: Path, *, but: frozenset[str] = frozenset()) -> list[str]:
    """Files below ``folder`` that contain the mark; also searches inside Parquet."""
    found: list[str] = []
    for path in folder.rglob("*"):
        if not path.is_file() or path.name in but:
            continue
        contents = [path.read_bytes()]
        if path.suffix == ".parquet":
            contents.append("\n".join(records_of(path)).encode())
        if any(map(is_in, contents)):
            found.append(str(path))
    return found


def tables_with(connection: psycopg.Connection) -> list[str]:
    """Tables of a database that contain the mark anywhere, including system tables."""
    tables = connection.execute(
        """
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'm') and n.nspname <> 'pg_toast'
        """
    ).fetchall()
    assert len(tables) > 50
    return [f"{schema}.{name}" for schema, name in tables if any(map(is_in, _dump(connection, schema, name)))]


def _dump(connection: psycopg.Connection, schema: str, name: str) -> Iterator[bytes]:
    """The table's rows as pg_dump writes them; bytea becomes hexadecimal, which is one of the forms."""
    with connection.cursor() as cursor:
        copy = sql.SQL("copy (select * from {}) to stdout").format(sql.Identifier(schema, name))
        with cursor.copy(copy) as rows:
            yield from map(bytes, rows)
