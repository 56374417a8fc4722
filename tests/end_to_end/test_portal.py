"""The portal from its first account to the first rows, in a real browser on a real stack: two people, one tenant.

The stack is ``st-pipeline up`` in its own home, with a sandbox whose administrator is this test.
"""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from psycopg import sql

from st_pipeline.sandbox import Account, Sandbox, Size
from st_pipeline.sandbox.faults import Faults
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.tenants.key_file import FILE_NAME
from tests.end_to_end import canary
from tests.end_to_end.home import COMMAND, Home
from tests.portal.browser_chromium import NONE, Person, chromium, launched
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = [pytest.mark.acceptance, pytest.mark.skipif(chromium() is None, reason=NONE)]

PASSWORD = "Canary+operator password 5d1e"
KEY, NAME = "bayou-air", "Bayou Air & Heat"
ACCOUNT = Account(
    tenant_id=4701,
    client_id="cid.bayou4701",
    client_secret='cs1.Canary+4701/Kz9=e2e&"%',
    app_key="ak1.Canary+Portal/Qx7=e2e",
    size=Size(customers=60, invoices=60),
    connected=False,
)


@dataclass
class Lived:
    """The results after both people are done."""

    home: Home
    people: dict[str, Person]
    said: dict[str, str]
    invitation: str


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    """The whole scenario, once."""
    home = Home.new("portal", SERVICETITAN_APP_KEY=ACCOUNT.app_key)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    home.variables["ST_PIPELINE_PORTAL_URL"] = base
    with Sandbox([ACCOUNT]) as sandbox:
        home.variables["ST_PIPELINE_SANDBOX_URL"] = sandbox.url
        home.run("users", "add", "ann", "--password-file", "-", stdin=PASSWORD)
        command = [COMMAND, "up", "--port", str(free_port()), "--portal-port", str(port)]
        with (home.folder / "up.log").open("w") as log:
            up = subprocess.Popen(
                command, env=home.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, text=True
            )
        try:
            wait_for("the portal answers", lambda: answers(f"{base}/healthz"), up)
            with launched() as browser:
                # The operator is in Houston, the client in London on a phone.
                ann = Person.new(browser, base, zone="America/Chicago")
                client = Person.new(browser, base, zone="Europe/London", width=390)
                yield walk(home, ann, client, sandbox)
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(PATIENCE_SECONDS)


def walk(home: Home, ann: Person, client: Person, sandbox: Sandbox) -> Lived:
    """Everything the two people do. The result of each step is kept for the tests."""
    said: dict[str, str] = {}
    ann.go("/")
    ann.fill(name="ann", password=PASSWORD)
    said["overview, empty"] = ann.press("Sign in")
    ann.go("/tenants/new")
    ann.fill(name=NAME, key=KEY, tenant_id=str(ACCOUNT.tenant_id), timezone="America/Chicago")
    ann.choose(environment="sandbox")
    said["registered"] = ann.press("Add company")
    ann.go(f"/tenants/{KEY}/invitations")
    said["invited"] = ann.press("Create link")
    link = ann.page.input_value("#link")

    said["invitation"] = client.go(link)
    said["connect"] = client.press("Continue")
    client.fill(client_id=ACCOUNT.client_id, client_secret=ACCOUNT.client_secret)
    said["not connected"] = client.press("Save and test")
    sandbox.connect(ACCOUNT.tenant_id)
    said["connected"] = client.wait_until("The connection works")
    client.go(f"/tenants/{KEY}/schedule")
    client.choose(kind="weekly", weekday="fri")
    client.fill(at="03:30")
    said["preview"] = client.wait_until("every week on Friday at 03:30")
    said["scheduled"] = client.press("Save")
    # So that the sync takes longer than the page's refresh interval.
    sandbox.faults = Faults(rate_slow=1.0, slow_seconds=1.0)
    client.go(f"/tenants/{KEY}")
    said["asked"] = client.press("Sync now")
    client.page.locator("#status .badge", has_text="running").first.wait_for(timeout=240_000)
    said["running"] = client.look()
    client.page.locator("#status .badge", has_text="running").first.wait_for(state="detached", timeout=240_000)
    said["synced"] = client.look()
    said["all syncs"] = client.go(f"/tenants/{KEY}/syncs")
    said["another's"] = client.go("/")
    said["operator's status"] = ann.go(f"/tenants/{KEY}")
    said["overview"] = ann.go("/")
    said["audit"] = ann.go("/audit")
    for part in ("/syncs", "/quarantine", "/drift", "/credentials", "/connect", "/schedule", "/invitations"):
        ann.go(f"/tenants/{KEY}{part}")
    ann.go("/alerts")
    said["the link again"] = client.go(link)
    return Lived(home, {"operator": ann, "client": client}, said, link)


def rows_of(home: Home) -> dict[str, int]:
    """Entity -> rows in raw, counted by hand."""
    with home.connect() as connection:
        found: dict[str, int] = {}
        for entity in ASSET_ENTITIES:
            query = sql.SQL("select count(*) from {} where tenant = %s").format(sql.Identifier("raw", entity))
            row = connection.execute(query, (KEY,)).fetchone()
            assert row
            found[entity] = row[0]
    return found


def test_the_client_connects_by_the_link_and_sees_the_status_change(lived: Lived) -> None:
    said = lived.said
    assert "No companies yet" in said["overview, empty"]
    assert f"{NAME} was added" in said["registered"]
    assert "shown only once" in said["invited"]
    assert f"Connect {NAME}" in said["invitation"]
    assert "No credentials yet" in said["connect"]
    assert "Not connected yet" in said["not connected"]
    assert "permissions the reports need are granted" in said["connected"]
    # Nothing remains of the previous state, or of the instructions to connect.
    assert "Test result" in said["not connected"]
    assert "Test result" not in said["connected"]
    assert "How to connect" not in said["connected"]
    assert "every week on Friday at 03:30 (America/Chicago time)" in said["preview"]
    assert "Schedule saved: every week on Friday at 03:30." in said["scheduled"]
    assert "Sync requested." in said["asked"]
    assert "Not allowed" in said["another's"]
    token = lived.invitation.rpartition("/")[2]
    # The link has served its purpose.
    assert f"Connect {NAME}" not in said["the link again"]
    pages = lived.people["operator"].sources + lived.people["client"].sources
    assert len([page for page in pages if token in page]) == 1
    assert [url for url in lived.people["client"].addresses if token in url and url != lived.invitation] == []


def test_both_people_see_the_rows_in_the_database(lived: Lived) -> None:
    rows = rows_of(lived.home)
    assert rows["crm_customers"] == ACCOUNT.size.customers
    with lived.home.connect() as connection:
        syncs = connection.execute(
            "select id, outcome, loaded, reason, requested_by from control.syncs where tenant = %s order by id", (KEY,)
        ).fetchall()
        kept = dict(
            connection.execute(
                "select entity, loaded from control.sync_entities where sync_id = %s", (syncs[0][0],)
            ).fetchall()
        )
    assert {outcome for _, outcome, *_ in syncs} == {"succeeded"}
    assert kept == rows
    assert sum(rows.values()) == syncs[0][2]
    assert (syncs[-1][3], syncs[-1][4]) == ("request", f"client of {KEY}")
    for who in ("synced", "operator's status"):
        assert "succeeded" in lived.said[who]
        assert f"{syncs[-1][2]:,}" in lived.said[who]
    assert f"{sum(rows.values()):,}" in lived.said["all syncs"]
    assert "running" in lived.said["running"].lower()
    line = next(part for part in lived.said["overview"].splitlines() if NAME in part)
    assert line
    assert f"{syncs[-1][2]:,}" in lived.said["overview"]
    assert re.search(r"Succeeded, 24 h\s+100", lived.said["overview"])
    for action in ("Company added", "Invitation created", "Invitation opened", "Credentials entered",
                   "Connection tested", "Schedule changed", "Sync requested"):  # fmt: skip
        assert action in lived.said["audit"], action


def test_no_page_logged_an_error(lived: Lived) -> None:
    """About blocked scripts, a bug of ours, or anything that could not be loaded."""
    expected = ("403 (Forbidden)", "404 (Not Found)")  # the overview and the used link: both are intentional
    for person in lived.people.values():
        assert [text for text in person.complaints if not any(one in text for one in expected)] == []


def test_no_secret_leaked_anywhere(lived: Lived) -> None:
    """In any page seen, any address, any table of either database, or any file of the home."""
    for person in lived.people.values():
        assert len(person.sources) > 8
        assert not canary.is_in("\n".join([*person.sources, *person.addresses]).encode())
    for database in ("warehouse", "dagster"):
        with lived.home.connect(database) as connection:
            assert canary.tables_with(connection) == [], database
    with lived.home.connect() as connection:
        assert connection.execute("select count(*) from control.credentials").fetchone() == (1,)
        token = lived.invitation.rpartition("/")[2]
        found = connection.execute("select a::text from control.audit a").fetchall()
        assert token not in str(found)
    assert canary.files_with(lived.home.folder, but=frozenset({FILE_NAME})) == []
    token_files = [path for path in lived.home.folder.glob("**/*.log") if token.encode() in path.read_bytes()]
    assert token_files == []
