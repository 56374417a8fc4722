"""A simulated month of a real pipeline: forty tenants, a misbehaving API, a daemon that acts when it should.

Only time is simulated: everything that reads the pipeline's clock, and the columns that the database stamps, use the
month's time. month_tenants.py has the events, month_oracle.py the expected results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import dagster as dg
import psycopg

from st_pipeline.definitions import build_defs
from st_pipeline.defs import local_runs
from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.schedule import sync_requests, tenant_states
from st_pipeline.secret import Secret
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from st_pipeline.tenants.recheck import check_and_record
from tests.support.webhook import webhook

from .home import Home
from .month_daemon import Daemon
from .month_tenants import (
    ASKED,
    CALMED,
    CONNECTED_AT,
    DISABLED,
    ENABLED,
    END,
    HOUR,
    OFTEN,
    OUTAGE,
    RARE,
    RECHECKED_WITHIN,
    REFUSED_FROM,
    SELDOM,
    SIX_HOURS,
    START,
    STOPPED,
    TENANTS,
    THURSDAYS,
    Asked,
)
from .month_time import Clock, minute_after, set_stamp, stamp

SIZE = Size(customers=6, invoices=8, business_units=2, technicians=2, awkward=False)
NUMBERS = {tenant.key: 1001 + n for n, tenant in enumerate(TENANTS)}
# The faults that the client's own retries absorb.
NOISE = Faults(rate_429=0.02, rate_5xx=0.02, rate_truncated=0.02, rate_reset=0.02, retry_after_seconds=0, seed=3)
EXPORT_DELAY = timedelta(minutes=16)
# How long before a sync its data changes, so that exports show it.
AHEAD = timedelta(minutes=90)
# A problem that starts between two syncs lasts until the next one. So a check before and one after each sync see
# everything that checks every minute would. Long pauses get another check.
LOOKS = 12 * HOUR
# What an edit can change in the entities read here, besides an added visit with its invoice and appointment.
EDITED = ("crm_customers", "crm_customer_contacts", "accounting_invoices", "jpm_appointments")


@dataclass
class Month:
    """The events, and a daemon that acts whenever something may be due."""

    clock: Clock
    sandbox: Sandbox
    pipeline: Pipeline
    connection: psycopg.Connection
    daemon: Daemon
    changes: int = 0

    def live(self) -> None:
        """Run from the first minute to the last."""
        happenings = sorted(self._happenings(), key=lambda one: one[0])
        while True:
            now = self.clock()
            dues = self._dues(now)
            following = [END, *dues.values(), now + LOOKS]
            following += [when for when, _ in happenings]
            at = minute_after(max(min(following), now))
            if at >= END:
                return
            self._jump(at, [key for key, due in dues.items() if due <= at + AHEAD])
            if STOPPED[0] <= at < STOPPED[1]:
                self._happen(happenings, at)
                continue
            self.daemon.look()
            self._happen(happenings, at)
            self.daemon.turn(at, self._jump)

    @staticmethod
    def _happen(happenings: list[tuple[datetime, Callable[[], object]]], at: datetime) -> None:
        while happenings and happenings[0][0] <= at:
            happenings.pop(0)[1]()

    def _happenings(self) -> Iterator[tuple[datetime, Callable[[], object]]]:
        def faults(faults: Faults) -> Callable[[], None]:
            return lambda: setattr(self.sandbox, "faults", faults)

        def registry(name: str, key: str, **facts: str) -> Callable[[], None]:
            def do() -> None:
                with self.pipeline.registry() as opened:
                    getattr(opened, name)(key, **facts)

            return do

        yield OUTAGE[0], faults(Faults(rate_5xx=1.0))
        yield OUTAGE[1], faults(NOISE)
        yield REFUSED_FROM, lambda: self.sandbox.connect(NUMBERS["refused-1"], connected=False)
        yield CONNECTED_AT, lambda: self.sandbox.connect(NUMBERS["late-1"])
        for hours in range(RECHECKED_WITHIN // HOUR):
            yield CONNECTED_AT + hours * HOUR, lambda: None  # a turn for tenants waiting for a retry
        yield CALMED, registry("set", "late-1", cadence=THURSDAYS.text)
        yield DISABLED, registry("disable", "disabled-1")
        yield ENABLED, registry("enable", "disabled-1")
        yield OFTEN, registry("set", "six-1", cadence=SIX_HOURS.text)
        yield SELDOM, registry("set", "six-1", cadence=RARE.text)
        # The tenant was not due, so its data did not change.
        yield ENABLED - HOUR, partial(self._change, "disabled-1")
        for one in ASKED:
            yield one.at, partial(self._ask, one)

    def _ask(self, asked: Asked) -> None:
        sync_requests.request_sync(self.connection, asked.tenant, asked.by, self.clock(), entities=asked.entities)

    def _dues(self, now: datetime) -> dict[str, datetime]:
        """When each tenant is next due, as the daemon sees it: nothing is due while it is stopped."""
        with self.pipeline.registry() as registry:
            syncs = tenant_states.read_next_syncs(self.connection, registry.list(), now)
        dues = {key: max(sync.at, now) for key, sync in syncs.items() if sync}
        return {key: STOPPED[1] if STOPPED[0] <= at < STOPPED[1] else at for key, at in dues.items()}

    def _jump(self, at: datetime, syncing: Iterable[str] = ()) -> None:
        """Advance to ``at``. The data of tenants about to be synced has changed, early enough to be in exports."""
        if (before := at - EXPORT_DELAY) > self.sandbox.now:
            self.sandbox.advance((before - self.sandbox.now).total_seconds())
            for key in syncing:
                self._change(key)
        self.sandbox.advance((at - self.sandbox.now).total_seconds())
        self.clock.jump(at)
        set_stamp(self.connection, at)

    def _change(self, key: str) -> None:
        """Change some of the tenant's data in every entity that is read."""
        self.changes += 1
        self.sandbox.change(NUMBERS[key], self.changes, additions=1)
        for entity in EDITED:
            self.sandbox.change(NUMBERS[key], self.changes, edits=1, entities=[entity])


@contextmanager
def prepared() -> Iterator[Month]:
    """A month about to start: tenants registered and checked, their partitions created."""
    with ExitStack() as stack:
        home = Home.new("month", SERVICETITAN_APP_KEY="ak1.month")
        accounts = [
            Account(
                NUMBERS[one.key],
                f"cid.{one.key}",
                "cs1.month",
                "ak1.month",
                size=SIZE,
                scopes=one.scopes,
                connected=one.key != "late-1",
            )
            for one in TENANTS
        ]
        sandbox = stack.enter_context(Sandbox(accounts, now=START))
        clock = Clock(START)
        pipeline = replace(home.pipeline(sandbox.url), clock=clock)
        connection = stack.enter_context(home.connect())
        stamp(connection)
        with pipeline.registry() as registry:
            registry.add_all(
                (
                    new_tenant(
                        key=one.key,
                        tenant_id=NUMBERS[one.key],
                        environment="sandbox",
                        cadence=one.times.text,
                        timezone=one.zone,
                    ),
                    own_credentials(f"cid.{one.key}", Secret("cs1.month")),
                )
                for one in TENANTS
            )
            for one in TENANTS:
                check_and_record(registry, pipeline.settings, one.key, clock())
        instance = local_runs.open_instance(pipeline.settings)
        stack.callback(instance.dispose)
        # Keep connections open, as the webserver does; otherwise most of the time would go into opening them.
        instance.optimize_for_webserver(statement_timeout=60_000, pool_recycle=3600, max_overflow=20)
        hook = stack.enter_context(webhook())
        definitions = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)})
        daemon = Daemon(pipeline, instance, definitions, connection, hook)
        daemon.register()
        sandbox.faults = NOISE
        yield Month(clock, sandbox, pipeline, connection, daemon)
