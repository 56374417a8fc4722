"""A simulated month of a real pipeline: forty tenants, an API that misbehaves, a daemon that turns when it should.

Only time is not real: all that reads the pipeline's clock, and the columns that the database stamps itself, have the
month's. What happens in it is month_tenants.py; what it should come to is month_oracle.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import LiteralString

import dagster as dg
import psycopg
from psycopg import sql

from st_pipeline.definitions import build_defs
from st_pipeline.defs import launch
from st_pipeline.defs.schedules import due_syncs
from st_pipeline.defs.sensors import asked_syncs, loaded_waves, tenant_registry, waiting_tenants
from st_pipeline.monitoring import builds, requests, sync_states
from st_pipeline.monitoring.channels import open_channels
from st_pipeline.monitoring.evaluation import Alerting, evaluate
from st_pipeline.monitoring.rules import ErrorRate, RateLimit, Rules
from st_pipeline.sandbox import Account, Faults, Sandbox, Size
from st_pipeline.secret import Secret
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.tenants.checkup import check_up
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant
from tests.monitoring.webhook import Webhook, webhook

from .home import Home
from .month_tenants import (
    ASKED,
    CALMED,
    CONNECTED_AT,
    DISABLED,
    ENABLED,
    END,
    HOUR,
    MINUTE,
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

SIZE = Size(customers=6, invoices=8, business_units=2, technicians=2, awkward=False)
NUMBERS = {tenant.key: 1001 + n for n, tenant in enumerate(TENANTS)}
# What the client's own tries absorb.
NOISE = Faults(rate_429=0.01, rate_5xx=0.01, rate_truncated=0.01, rate_reset=0.01, retry_after_seconds=0, seed=3)
# A sync makes seven calls here: of so few, one that is tried again is no rate to speak of.
RULES = Rules(error_rate=ErrorRate(least_calls=200), rate_limit=RateLimit(refused_over=0.9))
EXPORT_DELAY = timedelta(minutes=16)
# As far ahead as data changes that a sync is to bring.
AHEAD = timedelta(minutes=90)
# What begins to be wrong between two syncs stays until the next: a look before it and one after it see everything, as
# looks every minute would. In long pauses there is another.
LOOKS = 12 * HOUR
QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# Columns that Postgres fills by its own clock, which cannot be set; the first two with every load.
STAMPED: tuple[tuple[str, LiteralString, str], ...] = (
    ("raw_loads", "insert or update of changed_at", "changed_at"),
    ("landed_files", "update of loaded_at", "loaded_at"),
    ("tenants", "insert", "created_at"),
    ("tenants", "insert", "status_since"),
    ("credentials", "insert", "created_at"),
)
# What an edit can change of what is read here, beside an added visit with its invoice and appointment.
EDITED = ("crm_customers", "crm_customer_contacts", "accounting_invoices", "jpm_appointments")


class Clock:
    """Goes as fast as any, and jumps."""

    def __init__(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def jump(self, at: datetime) -> None:
        assert at >= self._at
        self._at, self._since = at, time.monotonic()


@dataclass
class Month:
    """The daemon's part is played here, with its schedule and sensors; runs are executed one after the other."""

    clock: Clock
    sandbox: Sandbox
    pipeline: Pipeline
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    connection: psycopg.Connection
    hook: Webhook
    told: list[dict[str, object]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    rounds: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    builds: int = 0
    changes: int = 0

    def __post_init__(self) -> None:
        channel = Secret(f"json://{self.hook.address}/month")
        self._alerting = Alerting(RULES, open_channels([channel]))
        self._job = self.definitions.resolve_job_def("sync_tenant")

    def register(self) -> None:
        """Partitions, as the sensor of the registry asks for them."""
        result = tenant_registry(self._sensor_context())
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))

    def live(self) -> None:
        """From the first minute to the last."""
        happenings = sorted(self._happenings(), key=lambda one: one[0])
        while True:
            now = self.clock()
            dues = self._dues(now)
            following = [END, *dues.values(), now + LOOKS]
            following += [when for when, _ in happenings]
            at = _minute_after(max(min(following), now))
            if at >= END:
                return
            self._jump(at, [key for key, due in dues.items() if due <= at + AHEAD])
            if STOPPED[0] <= at < STOPPED[1]:
                self._happen(happenings, at)
                continue
            self._look()
            self._happen(happenings, at)
            self._turn(at)

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
            yield CONNECTED_AT + hours * HOUR, lambda: None  # a turn for who waits to be tried again
        yield CALMED, registry("set", "late-1", cadence=THURSDAYS.text)
        yield DISABLED, registry("disable", "disabled-1")
        yield ENABLED, registry("enable", "disabled-1")
        yield OFTEN, registry("set", "six-1", cadence=SIX_HOURS.text)
        yield SELDOM, registry("set", "six-1", cadence=RARE.text)
        # It was not due, and so its data did not change.
        yield ENABLED - HOUR, partial(self._change, "disabled-1")
        for one in ASKED:
            yield one.at, partial(self._ask, one)

    def _ask(self, asked: Asked) -> None:
        requests.ask(self.connection, asked.tenant, asked.by, self.clock(), entities=asked.entities)

    def _dues(self, now: datetime) -> dict[str, datetime]:
        """When each tenant is next due, as far as the daemon can see it: while it is stopped nothing is."""
        with self.pipeline.registry() as registry:
            syncs = sync_states.next_syncs(self.connection, registry.list(), now)
        dues = {key: max(sync.at, now) for key, sync in syncs.items() if sync}
        return {key: STOPPED[1] if STOPPED[0] <= at < STOPPED[1] else at for key, at in dues.items()}

    def _jump(self, at: datetime, syncing: Iterable[str] = ()) -> None:
        """On to ``at``. The data of those that are about to be synced has changed, in time for exports to show it."""
        if (before := at - EXPORT_DELAY) > self.sandbox.now:
            self.sandbox.advance((before - self.sandbox.now).total_seconds())
            for key in syncing:
                self._change(key)
        self.sandbox.advance((at - self.sandbox.now).total_seconds())
        self.clock.jump(at)
        self.connection.execute("update public.simulated set now = %s", (at,))

    def _change(self, key: str) -> None:
        """Some of the tenant's data, of every entity that is read."""
        self.changes += 1
        self.sandbox.change(NUMBERS[key], self.changes, additions=1)
        for entity in EDITED:
            self.sandbox.change(NUMBERS[key], self.changes, edits=1, entities=[entity])

    def _turn(self, at: datetime) -> None:
        """What the daemon does in a minute."""
        with self._timed("sensors"):
            checked = waiting_tenants(self._sensor_context())
        if isinstance(checked, dg.SkipReason) and "connected: none" not in str(checked.skip_message):
            self._look()  # which may come before the first sync
        runs = self._asked() + self._due(at)
        for request in sorted(runs, key=lambda one: -int(one.tags["dagster/priority"])):
            with self._timed("runs"):
                self._run(request)
        if runs:
            self._jump(_minute_after(self.clock()))
            self._build()
            self._look()

    def _due(self, at: datetime) -> list[dg.RunRequest]:
        with self._timed("sensors"):
            context = dg.build_schedule_context(
                instance=self.instance, scheduled_execution_time=at, resources={"pipeline": self.pipeline}
            )
            return [one for one in due_syncs(context) if isinstance(one, dg.RunRequest)]  # type: ignore[call-overload]

    def _asked(self) -> list[dg.RunRequest]:
        with self._timed("sensors"):
            result = asked_syncs(self._sensor_context())
            return list(result.run_requests or ()) if isinstance(result, dg.SensorResult) else []

    def _sensor_context(self) -> dg.SensorEvaluationContext:
        return dg.build_sensor_context(
            instance=self.instance, resources={"pipeline": self.pipeline}, definitions=self.definitions
        )

    def _run(self, request: dg.RunRequest) -> None:
        result = self._job.execute_in_process(
            instance=self.instance,
            tags=dict(request.tags),
            run_config={**request.run_config, **QUIET_LOGS},
            raise_on_error=False,
        )
        self.runs.append(result.run_id)

    def _build(self) -> None:
        """The sensor that asks for builds; of dbt's part only the record is made, as it takes half a minute."""
        with self._timed("builds"):
            result = loaded_waves(self._sensor_context())
            if isinstance(result, dg.SensorResult) and result.run_requests:
                self.builds += 1
                with builds.recorded(self.pipeline.database, f"build-{self.builds}", self.clock):
                    pass

    def _look(self) -> None:
        with self._timed("looks"):
            evaluate(self.connection, self._alerting, self.clock())
        self.rounds += 1
        for body in self.hook.take():
            self.told += body["alerts"] if body["state"] == "digest" else [body]

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began


def _minute_after(at: datetime) -> datetime:
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + MINUTE


@contextmanager
def prepared() -> Iterator[Month]:
    """A month that is about to begin: tenants registered and checked, their partitions made."""
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
        _stamp(connection)
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
                check_up(registry, pipeline.settings, one.key, clock())
        instance = launch.open_instance(pipeline.settings)
        stack.callback(instance.dispose)
        # As the webserver does: connections are kept, else most of the time would go into making them.
        instance.optimize_for_webserver(statement_timeout=60_000, pool_recycle=3600, max_overflow=20)
        hook = stack.enter_context(webhook())
        definitions = build_defs({"pipeline": dg.ResourceDefinition.hardcoded_resource(pipeline)})
        month = Month(clock, sandbox, pipeline, instance, definitions, connection, hook)
        month.register()
        sandbox.faults = NOISE
        yield month


def _stamp(connection: psycopg.Connection) -> None:
    """Let the database stamp with the month's time."""
    connection.execute("create table public.simulated as select %s::timestamptz as now", (START,))
    for table, event, column in STAMPED:
        names = {
            "table": sql.Identifier("control", table),
            "column": sql.Identifier(column),
            "function": sql.Identifier("public", f"stamp_{table}_{column}"),
            "event": sql.SQL(event),
            "name": sql.Identifier(f"stamp_{column}"),
        }
        connection.execute(
            sql.SQL("""
            create function {function}() returns trigger language plpgsql as
            $$ begin new.{column} := (select now from public.simulated); return new; end $$
            """).format(**names)
        )
        connection.execute(
            sql.SQL(
                "create trigger {name} before {event} on {table} for each row execute function {function}()"
            ).format(**names)
        )
