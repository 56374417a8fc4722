"""``kill -9`` at random moments of a sync, then the same command again: the tables equal those of an undisturbed run.

At 6 moments in the suite, at 25 in ``make acceptance``.

Over HTTP against a misbehaving sandbox, with files so small that entities have several. Most of the killed processes
are the sync alone (driver.py), two the whole ``st-pipeline sync``. The moments are spread over an undisturbed run, one
drawn in each part of it.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess

import pytest
from _pytest.mark.structures import ParameterSet

from st_pipeline.landing.land import FILE_BYTES
from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Kind
from tests.end_to_end import driver, snapshot
from tests.end_to_end.home import Home
from tests.end_to_end.snapshot import Snapshot
from tests.support.waiting import PATIENCE_SECONDS, wait_for

KEY = "phoenix"
ACCOUNT = Account(3001, "cid.phoenix", "cs1.phoenix", "ak1.app", seed=5, size=Size(customers=120, invoices=200))
FAULTS = Faults(
    rate_429=0.02,
    rate_5xx=0.02,
    rate_truncated=0.02,
    rate_reset=0.02,
    retry_after_seconds=0,  # the client chooses its own waits here; test_faults.py tests waits named by the API
    token_seconds=1.5,
    repeat_token=True,
    untypable=0.03,
)
PAGE = 60
SMALL_FILES = 100_000
KILLED = -signal.SIGKILL
LISTS = frozenset(entity for entity in ASSET_ENTITIES if endpoint(entity).kind is Kind.LIST)


@dataclass(frozen=True)
class Scenario:
    """A saved starting point, the sync to kill, and the sandbox to use: as it was, or after changes."""

    start: str
    later: bool = False
    full: bool = False
    untypable: float = FAULTS.untypable


FIRST = Scenario("empty")
INCREMENTAL = Scenario("synced", later=True)
# Without records that have no id, which would keep a full sync from marking deletions.
FULL = Scenario("synced", later=True, full=True, untypable=0)


@dataclass
class Stage:
    """The home, and the sandbox at two moments."""

    home: Home
    early: Sandbox
    later: Sandbox
    draws: int = 0

    def sandbox(self, scenario: Scenario) -> Sandbox:
        return self.later if scenario.later else self.early

    def prepare(self, scenario: Scenario) -> None:
        """Restore the starting point, with other random faults."""
        self.home.restore(scenario.start)
        self.draws += 1
        sandbox = self.sandbox(scenario)
        sandbox.faults = replace(FAULTS, untypable=scenario.untypable, seed=self.draws)
        self.home.variables["ST_PIPELINE_SANDBOX_URL"] = sandbox.url

    def start(self, scenario: Scenario, file_bytes: int = SMALL_FILES) -> BaseProcess:
        return driver.start(self.home.environment, KEY, full=scenario.full, file_bytes=file_bytes)

    def run(self, scenario: Scenario, file_bytes: int = SMALL_FILES) -> float:
        """Run a sync to its end; returns the seconds it took."""
        began = time.monotonic()
        process = self.start(scenario, file_bytes)
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == 0, f"the sync ended with {process.exitcode}"
        return time.monotonic() - began

    def take(self) -> Snapshot:
        with self.home.connect() as connection:
            return snapshot.take(connection, self.home.landing)


@pytest.fixture(scope="module")
def stage(server: Home) -> Iterator[Stage]:
    with ExitStack() as stack:
        early, later = (stack.enter_context(Sandbox([ACCOUNT], FAULTS, PAGE)) for _ in range(2))
        stage = Stage(server, early, later)
        server.forget_tenants()
        server.register(ACCOUNT, KEY)
        server.save(FIRST.start)
        stage.prepare(FIRST)
        stage.run(FIRST)
        server.save(INCREMENTAL.start)
        later.change(ACCOUNT.tenant_id, 1, edits=80, inactivations=20, additions=60, late=20)
        for entity in ("crm_customers", "accounting_invoices"):
            ids = [record["id"] for record in later.world(ACCOUNT.tenant_id).records(entity)]
            for record_id in ids[::17]:
                later.delete(ACCOUNT.tenant_id, entity, record_id)
        later.advance(16 * 60)
        yield stage


def each(first: int, incremental: int, full: int, *marks: pytest.MarkDecorator) -> list[ParameterSet]:
    """This many kills of each scenario."""
    scenarios = {"first": (FIRST, first), "incremental": (INCREMENTAL, incremental), "full": (FULL, full)}
    return [
        pytest.param(scenario, kills, marks=marks, id=f"{name}, {kills}")
        for name, (scenario, kills) in scenarios.items()
    ]


@pytest.mark.parametrize(("scenario", "kills"), [*each(4, 1, 1), *each(15, 4, 4, pytest.mark.acceptance)])
def test_a_killed_sync_run_again_leaves_the_tables_of_an_undisturbed_one(
    stage: Stage, scenario: Scenario, kills: int
) -> None:
    stage.prepare(scenario)
    before = stage.take()
    seconds = stage.run(scenario)
    wanted = stage.take()
    assert_telling(stage, scenario, before, wanted)
    chance = random.Random(kills)
    amid, early, late = 0, 0.0, seconds
    moments = [seconds * (number + chance.random()) / kills for number in range(kills)]
    for number in range(4 * kills):
        if number >= kills and amid >= kills // 2:
            break
        # If other work on the machine has shifted the sync's timing since it was measured, more kills are tried.
        moment = moments[number] if number < kills else chance.uniform(*sorted((early, late)))
        left = kill(stage, scenario, moment)
        amid += left not in (before, wanted)
        early = moment if left == before else early
        late = moment if left == wanted else late
        stage.run(scenario)
        found = stage.take()
        snapshot.assert_tidy(found)
        when = f"killed after {moment:.3f} of {seconds:.3f} s"
        snapshot.assert_equal(found, wanted, when, read_again=ASSET_ENTITIES if scenario.full else LISTS)
    assert amid >= kills // 2, f"only {amid} kills of {4 * kills} came between start and end"


def kill(stage: Stage, scenario: Scenario, moment: float) -> Snapshot:
    """Kill a sync ``moment`` seconds after its start, or earlier if it is faster this time; returns what it left."""
    while True:
        stage.prepare(scenario)
        process = stage.start(scenario)
        process.join(moment)
        process.kill()
        process.join(PATIENCE_SECONDS)
        if process.exitcode == KILLED:
            return stage.take()
        assert process.exitcode == 0
        moment *= 0.8


def assert_telling(stage: Stage, scenario: Scenario, before: Snapshot, wanted: Snapshot) -> None:
    """The undisturbed run is complete and worth comparing with."""
    snapshot.assert_tidy(wanted)
    changed = [part for part in wanted if part.startswith("raw.") and wanted[part] != before[part]]
    assert len(changed) >= 8
    entities = [row[1] for row in wanted["ledger"]]
    if scenario is FIRST:
        world = stage.early.world(ACCOUNT.tenant_id)
        with stage.home.connect() as connection:
            snapshot.assert_balanced(connection, KEY, {entity: world.count(entity) for entity in ASSET_ENTITIES})
        assert max(map(entities.count, entities)) >= 3
        assert len(wanted["quarantine"]) > 20
    if scenario is FULL:
        assert [row for row in wanted["raw.crm_customers"] if row[-1]], "nothing was marked as deleted"


@pytest.mark.acceptance
def test_a_killed_command_run_again_leaves_the_tables_of_an_undisturbed_one(stage: Stage) -> None:
    kills = 2
    stage.prepare(FIRST)
    seconds = stage.run(FIRST, FILE_BYTES)
    wanted = stage.take()
    chance = random.Random(3)
    amid = 0
    for number in range(kills):
        stage.prepare(FIRST)
        process = stage.home.start("sync", KEY)
        try:
            wait_for("the sync's first line in the history", lambda: has_begun(stage.home), process)
            time.sleep(seconds * (number + chance.random()) / (2 * kills))
        finally:
            process.kill()
        assert stage.home.finish(process).status == KILLED
        amid += stage.take() != wanted
        stage.home.run("sync", KEY)
        found = stage.take()
        snapshot.assert_tidy(found)
        snapshot.assert_equal(found, wanted, f"command {number}", read_again=LISTS)
    assert amid, "all kills came after the work was done"


def has_begun(home: Home) -> bool:
    with home.connect() as connection:
        return bool(connection.execute("select from control.syncs where finished_at is null").fetchall())
