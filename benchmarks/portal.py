"""``python -m benchmarks.portal``: how long every page of the portal takes with 500 tenants with 100,000 syncs.

The application runs in this process with everything but the network: session, pool, queries, templates. The pages come
from its own route table. portal_history.py fills the database.
"""

from __future__ import annotations

import argparse
import atexit
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.testclient import TestClient

from benchmarks.portal_history import KEY, fill
from st_pipeline import postgres
from st_pipeline.operations import invitations
from st_pipeline.portal.app import create_app
from st_pipeline.portal.people import accounts, sessions
from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.routes import PAGES
from st_pipeline.portal.web.cookies import SESSION
from st_pipeline.portal.web.service import Portal
from st_pipeline.secret import Secret
from st_pipeline.settings import Settings

TENANTS, SYNCS, TIMES = 500, 100_000, 15
OURS, THEIRS = 0.2, 2.0
"""Seconds a page may take: our own target, and the users' limit."""
# Pages without a session: anyone signed in is redirected, and Prometheus has its own token.
FOR_STRANGERS = ("/sign-in", "/metrics")
METRICS_TOKEN = "a token for nobody"
# Query strings that cost a different amount of work.
MORE = ("/?q=company%2011", "/?show=failed&sort=-last", f"/tenants/{KEY}/syncs?outcome=failed", f"/audit?tenant={KEY}")


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each request for one page, and the database's share; ``size`` is bytes of HTML."""

    path: str
    seconds: list[float]
    in_database: list[float]
    size: int


class DatabaseClock:
    """Seconds spent in statements, over all threads."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def start(self) -> None:
        """Time every statement from now on."""
        execute = psycopg.Cursor.execute
        clock = self

        def timed(cursor: Any, *args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return execute(cursor, *args, **options)
            finally:
                clock.seconds += time.perf_counter() - began

        psycopg.Cursor.execute = timed  # pyright: ignore[reportAttributeAccessIssue]


def main() -> int:
    """0 if every page stays within the users' limit, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portal", description=__doc__)
    parser.add_argument("--tenants", type=int, default=TENANTS)
    parser.add_argument("--syncs", type=int, default=SYNCS)
    parser.add_argument("--times", type=int, default=TIMES, help=f"requests for each page ({TIMES})")
    asked = parser.parse_args()
    return report(measure(asked.tenants, asked.syncs, asked.times), asked.tenants, asked.syncs)


def measure(tenants: int, syncs: int, times: int) -> list[Measured]:
    """Time every page: one uncounted request, then the given number of counted ones."""
    with _served(tenants, syncs) as (browser, stranger, words):
        clock = DatabaseClock()
        clock.start()
        return [
            _page(stranger if path in FOR_STRANGERS else browser, clock, path, times)
            for path in [*_paths(words), *MORE]
        ]


def report(found: list[Measured], tenants: int, syncs: int) -> int:
    """Print the pages, the slowest first."""
    print(f"Portal with {tenants:,} tenants and {syncs:,} syncs: median ms (in the database), slowest\n")
    for one in sorted(found, key=lambda one: -median(one.seconds)):
        whole, mark = median(one.seconds), ""
        if whole > OURS:
            mark = "  over the users' limit" if whole > THEIRS else "  over our mark of 200 ms"
        print(
            f"{1000 * whole:7.0f} ({1000 * median(one.in_database):5.0f})  {1000 * max(one.seconds):6.0f}  "
            f"{one.size / 1024:6.0f} KB  {one.path}{mark}"
        )
    return 1 if any(median(one.seconds) > THEIRS for one in found) else 0


def _page(browser: TestClient, clock: DatabaseClock, path: str, times: int) -> Measured:
    seconds, in_database, size = [], [], 0
    for number in range(times + 1):
        before, began = clock.seconds, time.perf_counter()
        answer = browser.get(path)
        took = time.perf_counter() - began
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
        size = len(answer.content)
        if number:
            seconds.append(took)
            in_database.append(clock.seconds - before)
    return Measured(path, seconds, in_database, size)


def _paths(words: dict[str, str]) -> list[str]:
    """Every path in the route table that answers GET."""
    return [
        "/".join(words.get(part, part) for part in page.path.split("/"))
        for page in PAGES
        if "GET" in (page.methods or ())
    ]


@contextmanager
def _served(tenants: int, syncs: int) -> Iterator[tuple[TestClient, TestClient, dict[str, str]]]:
    """An operator's browser, a signed-out one, and the values for the names in braces."""
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-benchmark-"))
    home.chmod(0o755)  # run as root, the database server is another user and must reach its folder
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    settings = Settings.from_environment(
        {"ST_PIPELINE_HOME": str(home), "ST_PIPELINE_PORTAL_METRICS_TOKEN": METRICS_TOKEN}
    )
    database = postgres.prepare(settings)
    now = datetime.now(UTC)
    portal = Portal.of(settings, database)
    with postgres.connect(database, autocommit=True) as connection:
        fill(connection, now, tenants=tenants, syncs=syncs)
        user = accounts.add(connection, "ann", Role.OPERATOR, Secret("a password for nobody"), now)
        session = sessions.start(connection, now, user_id=user.id)
        _, token = invitations.invite(connection, "tenant-0025", "ann", now)
        row = connection.execute("select max(id) from control.syncs where tenant = %s", (KEY,)).fetchone()
    words = {"{key}": KEY, "{id}": str(row and row[0]), "{token}": token.reveal()}
    with portal.pool:
        app = create_app(settings, portal)
        stranger = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
        stranger.headers["authorization"] = f"Bearer {METRICS_TOKEN}"
        yield _browser(app, portal, session), stranger, words


def _browser(app: Starlette, portal: Portal, session: str) -> TestClient:
    browser = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    cookie = Response()
    portal.cookies.write(cookie, SESSION, session, is_secure=False)
    name, _, rest = cookie.headers["set-cookie"].partition("=")
    browser.headers["cookie"] = f"{name}={rest.split(';')[0]}"
    return browser


if __name__ == "__main__":
    sys.exit(main())
