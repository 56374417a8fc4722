"""Load while landing: files in the ledger are loaded into raw while later ones are still being fetched."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import psycopg

from st_pipeline import postgres
from st_pipeline.landing.hold import Hold
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.warehouse.loading import Loaded, load


def load_pending(
    connection: psycopg.Connection, pipeline: Pipeline, hold: Hold, endpoint: Endpoint, *, again: bool = False
) -> Loaded:
    """Load the pending files for one entity of a tenant. Raises the same errors as warehouse.loading.load."""
    return load(
        connection,
        pipeline.database,
        pipeline.zone,
        hold.tenant,
        endpoint,
        again=again,
        progress=lambda rows: pipeline.progress(hold.tenant, endpoint.entity, "loaded", rows),
        hold=hold,
    )


class EarlyLoads:
    """Loads of one entity that start before its landing has ended. They run one at a time in a separate thread."""

    def __init__(self, pipeline: Pipeline, hold: Hold, endpoint: Endpoint, *, wanted: bool) -> None:
        """Load nothing unless ``wanted`` is true."""
        self._pipeline, self._hold, self._endpoint, self._wanted = pipeline, hold, endpoint, wanted
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"load-{hold.tenant}")
        self._begun: list[Future[Loaded]] = []

    def begin(self) -> None:
        """Start a load, because another file is in the ledger."""
        if self._wanted:
            self._begun.append(self._pool.submit(self._load))

    def end(self) -> Loaded:
        """Wait for the loads that were started, and return what they loaded.

        A failed load leaves its files pending. The load after the landing retries them and raises the error.
        """
        self._pool.shutdown()
        loaded = Loaded()
        for future in self._begun:
            if future.exception() is None:
                loaded += future.result()
        return loaded

    def _load(self) -> Loaded:
        # Use a separate connection: the landing thread's transactions are not ours.
        name = f"st-pipeline load {self._hold.tenant}"
        with postgres.connect(self._pipeline.database, application=name, autocommit=True) as connection:
            return load_pending(connection, self._pipeline, self._hold, self._endpoint)
