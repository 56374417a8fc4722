"""Loading beside landing: files that are in the ledger go to raw while later ones are still being fetched."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import psycopg

from st_pipeline import postgres
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.warehouse.loading import Loaded, load


def load_pending(
    connection: psycopg.Connection, pipeline: Pipeline, key: str, endpoint: Endpoint, *, again: bool = False
) -> Loaded:
    """Load what is pending of one entity of a tenant. Raises like warehouse.loading.load."""
    return load(
        connection,
        pipeline.database,
        pipeline.zone,
        key,
        endpoint,
        again=again,
        progress=lambda rows: pipeline.progress(key, endpoint.entity, "loaded", rows),
    )


class EarlyLoads:
    """The loads of one entity that begin before its landing has ended, one after the other in a thread of their own."""

    def __init__(self, pipeline: Pipeline, key: str, endpoint: Endpoint, *, wanted: bool) -> None:
        """Nothing is loaded unless it is ``wanted``."""
        self._pipeline, self._key, self._endpoint, self._wanted = pipeline, key, endpoint, wanted
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"load-{key}")
        self._begun: list[Future[Loaded]] = []

    def begin(self) -> None:
        """Another file is in the ledger."""
        if self._wanted:
            self._begun.append(self._pool.submit(self._load))

    def end(self) -> Loaded:
        """What was loaded, once all that was begun has ended.

        A load that failed left its files pending; the load after the landing tries them again, and raises.
        """
        self._pool.shutdown()
        loaded = Loaded()
        for future in self._begun:
            if future.exception() is None:
                loaded += future.result()
        return loaded

    def _load(self) -> Loaded:
        # Not over the connection that is landing, whose transactions are not this thread's.
        name = f"st-pipeline load {self._key}"
        with postgres.connect(self._pipeline.database, application=name, autocommit=True) as connection:
            return load_pending(connection, self._pipeline, self._key, self._endpoint)
