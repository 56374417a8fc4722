"""A world in which every page has something on it: two tenants with syncs, troubles, quarantine, drift, invitations.

Every text that comes from outside is ``mark``, so that a test can look for what has become of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from st_pipeline.landing.typer import Problem
from st_pipeline.operations import audit, invitations
from st_pipeline.operations.audit import Author
from st_pipeline.portal.web.guards import Page
from tests.support.past import CUSTOMERS, HOUR, MINUTE, Past, calls, read

INVOICES = "accounting_invoices"
TENANTS = ("acme", "bolt")


@dataclass(frozen=True)
class World:
    """What identifies things. Of each tenant: a sync that failed, an invitation, the token in its link."""

    syncs: dict[str, int]
    invitations: dict[str, int]
    tokens: dict[str, str]

    def address(self, page: Page, key: str, ids_of: str | None = None) -> str:
        """The page of tenant ``key``, with what identifies things of ``ids_of`` (its own)."""
        owner = ids_of or key
        number = self.invitations[owner] if "invitations" in page.path else self.syncs[owner]
        words = {"{key}": key, "{token}": self.tokens[owner], "{id}": str(number)}
        parts = [words.get(part, part) for part in page.path.split("/")]
        assert not any("{" in part and "path" not in part for part in parts), f"what is put into {page.path}?"
        return "/".join(parts)


def fill(control: psycopg.Connection, mark: str) -> World:
    """The world, made with the functions that make it in life; what there was of tenants is forgotten."""
    now = datetime.now(UTC)
    past = Past(control)
    past.forget()
    syncs: dict[str, int] = {}
    invited: dict[str, int] = {}
    tokens: dict[str, str] = {}
    for key in TENANTS:
        past.tenant(key, since=now - timedelta(days=30), credentials_since=now - timedelta(days=100))
        past.nights(4, key, until=now - timedelta(days=1))
        record = f'{{"name": "{mark}"}}'
        notes = [Problem(0, None, None, mark, record), Problem(1, 7, mark, mark, record)]
        past.land(now - HOUR, key, notes=notes, new_fields=[mark])
        troubles = [read(fetched=1234), read(INVOICES, 7, outcome="failed")]
        syncs[key] = past.sync(
            now - HOUR, key, error=f"{CUSTOMERS}: {mark}", entities=troubles,
            called=[calls(40), calls(2, status=429)], seconds=95, run_id=mark,
        )  # fmt: skip
        control.execute(
            "update control.tenants set name = %s, trade = %s, status_detail = %s where key = %s",
            (mark, mark, mark, key),
        )
        for closed_at in (None, now - MINUTE):
            control.execute(
                """
                insert into control.incidents (key, rule, tenant, severity, what, advice, link, since, opened_at,
                    last_seen_at, closed_at, closed_because)
                values (%s, 'failed_sync', %s, 'now', %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                (f"{key} {closed_at}", key, mark, mark, f"http://127.0.0.1:3000/{mark}", now - HOUR, now - HOUR,
                 now - MINUTE, closed_at, closed_at and "recovered"),
            )  # fmt: skip
        invitation, token = invitations.invite(control, key, mark, now)
        invited[key], tokens[key] = invitation.id, token.reveal()
        audit.record(control, Author(mark, address=mark), mark, now, tenant=key, detail={mark: mark})
    return World(syncs, invited, tokens)
