"""One run of our sync, in its own process: the sync of one tenant's invoices and customers, timed by phase.

``python -m benchmarks.ours`` reads the settings from the environment and prints one line of JSON. The phases are timed
by wrapping the functions between folders; the product contains no timing code.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from pyarrow import parquet

from benchmarks.pages import APP_KEY, CLIENT_ID, CLIENT_SECRET, TENANT_ID
from st_pipeline.landing import land
from st_pipeline.landing.ledger import Ledger
from st_pipeline.landing.zone import FileWriter
from st_pipeline.secret import Secret
from st_pipeline.servicetitan import client
from st_pipeline.servicetitan.transport import Transport
from st_pipeline.settings import Settings
from st_pipeline.sync import early_loads, tenant
from st_pipeline.sync.pipeline import open_pipeline
from st_pipeline.tenants.credentials import own_credentials
from st_pipeline.tenants.model import new_tenant

KEY = "benchmark"
ENTITIES = ("accounting_invoices", "crm_customers")


class Stopwatch:
    """Seconds by phase, added up over threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def wrap(self, owner: Any, name: str, phase: str) -> None:
        """Time every call of ``owner.name`` as ``phase``."""
        timed: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(timed)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return timed(*args, **kwargs)
            finally:
                took = time.perf_counter() - began
                with self._lock:
                    self.seconds[phase] = self.seconds.get(phase, 0.0) + took

        setattr(owner, name, wrapper)


def main() -> None:
    """Create the tables and sync, and print how long each took. Registering the tenant is not timed."""
    watch = Stopwatch()
    watch.wrap(Transport, "attempt", "fetch")
    watch.wrap(client, "parse_page", "parse")
    watch.wrap(land, "type_records", "parse")
    watch.wrap(parquet.ParquetWriter, "write_table", "land")
    watch.wrap(FileWriter, "close", "land")
    watch.wrap(Ledger, "record_file", "land")
    watch.wrap(early_loads, "load", "load")
    watch.wrap(tenant, "mark_deleted", "load")

    began = time.perf_counter()
    pipeline = open_pipeline(Settings.from_environment())
    prepared = time.perf_counter()
    with pipeline.registry() as registry:
        registry.add(
            new_tenant(key=KEY, tenant_id=TENANT_ID, environment="sandbox"),
            own_credentials(CLIENT_ID, Secret(CLIENT_SECRET), Secret(APP_KEY)),
        )
    asked = time.perf_counter()
    outcome = tenant.sync_tenant(pipeline, KEY, tenant.SyncPlan(land=ENTITIES, load=ENTITIES))
    ended = time.perf_counter()
    if outcome.failures:
        raise SystemExit("; ".join(outcome.failures))
    print(
        json.dumps({"seconds": prepared - began + ended - asked, "tables": prepared - began, "phases": watch.seconds})
    )


if __name__ == "__main__":
    main()
