"""The simulated month's daemon: its schedule and sensors, evaluated in the minutes that matter, and its runs.

month.py decides when. Runs are executed one after the other, in this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
import psycopg

from st_pipeline.alerting.alert_round import Alerting, evaluate
from st_pipeline.alerting.channels import open_channels
from st_pipeline.defs.schedules import due_syncs
from st_pipeline.defs.sensors import asked_syncs, loaded_waves, tenant_registry, waiting_tenants
from st_pipeline.rules.thresholds import ErrorRate, RateLimit, Rules
from st_pipeline.schedule import build_schedule
from st_pipeline.secret import Secret
from st_pipeline.sync.pipeline import Pipeline
from tests.support.webhook import Webhook

from .month_tenants import MINUTE
from .month_time import minute_after

# A sync makes only seven calls here, so a single retry says nothing about the failure rate.
RULES = Rules(error_rate=ErrorRate(least_calls=200), rate_limit=RateLimit(refused_over=0.9))
QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Daemon:
    """``told`` has the webhook's messages, with digests split; ``runs`` has the ids of all runs in order."""

    pipeline: Pipeline
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    connection: psycopg.Connection
    hook: Webhook
    told: list[dict[str, object]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    rounds: int = 0
    builds: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        channel = Secret(f"json://{self.hook.address}/month")
        self._alerting = Alerting(RULES, open_channels([channel]))
        self._job = self.definitions.resolve_job_def("sync_tenant")

    def register(self) -> None:
        """Add the partitions that the registry's sensor requests."""
        result = tenant_registry(self._sensor_context())
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))

    def turn(self, at: datetime, jump: Callable[[datetime], None]) -> None:
        """Act in minute ``at``; ``jump`` advances the time after runs."""
        with self._timed("sensors"):
            checked = waiting_tenants(self._sensor_context())
        if isinstance(checked, dg.SkipReason) and "connected: none" not in str(checked.skip_message):
            self.look()  # which may come before the first sync
        runs = self._asked() + self._due(at)
        for request in sorted(runs, key=lambda one: -int(one.tags["dagster/priority"])):
            with self._timed("runs"):
                self._run(request)
        if runs:
            jump(minute_after(self.pipeline.clock() + MINUTE))
        self._build()
        if runs:
            self.look()

    def _due(self, at: datetime) -> list[dg.RunRequest]:
        with self._timed("sensors"):
            context = dg.build_schedule_context(
                instance=self.instance, scheduled_execution_time=at, resources={"pipeline": self.pipeline}
            )
            context._instance = self.instance  # otherwise it would open another one for every check
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
        """The sensor that requests builds. Only the record of a build is created, because dbt takes half a minute."""
        with self._timed("builds"):
            result = loaded_waves(self._sensor_context())
            if isinstance(result, dg.SensorResult) and result.run_requests:
                self.builds += 1
                with build_schedule.record_built(self.pipeline.database, f"build-{self.builds}", self.pipeline.clock):
                    pass

    def look(self) -> None:
        """One alerting round."""
        with self._timed("looks"):
            evaluate(self.connection, self._alerting, self.pipeline.clock())
        self.rounds += 1
        for body in self.hook.take():
            self.told += body["alerts"] if body["state"] == "digest" else [body]

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began
