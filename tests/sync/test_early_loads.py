"""early_loads.py: files loaded while others land count once; a failed early load is left to the load after it."""

from __future__ import annotations

import pytest

from st_pipeline import postgres
from st_pipeline.landing.hold import take
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.sync import early_loads
from st_pipeline.sync.early_loads import EarlyLoads
from st_pipeline.sync.pipeline import Pipeline
from st_pipeline.warehouse.loading import Loaded

CUSTOMERS = endpoint("crm_customers")


def early(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, *results: Loaded | Exception, wanted: bool = True
) -> EarlyLoads:
    coming = iter(results)

    def answer(*given: object, **named: object) -> Loaded:
        result = next(coming)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(early_loads, "load_pending", answer)
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        return EarlyLoads(pipeline, take(connection, "acme"), CUSTOMERS, wanted=wanted)


def test_loads_add_up_and_a_failed_one_is_left_out(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = early(pipeline, monkeypatch, Loaded(1, 10, 1), OSError("gone"), Loaded(2, 5, 0, 1))
    for _ in range(3):
        loads.begin()
    assert loads.end() == Loaded(3, 15, 1, 1)


def test_nothing_is_loaded_that_is_not_wanted(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = early(pipeline, monkeypatch, wanted=False)
    loads.begin()
    assert loads.end() == Loaded()
