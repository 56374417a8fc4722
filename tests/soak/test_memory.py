"""A sync's memory does not grow with the size of an export.

Real HTTP, with sandbox and database in their own processes. The measured process runs the sync, by the function alone
and by the whole command with Dagster.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from st_pipeline import postgres
from st_pipeline.settings import Settings
from tests.soak.measured import Measured, measured
from tests.soak.serving import serving
from tests.soak.tenants import KEY, prepared
from tests.support.homes import empty_home

SMALL, LARGE = 50_000, 300_000
MEGABYTES = 500
GROWTH = 1.2
COMMANDS = {
    "function": [sys.executable, "-m", "tests.soak.syncing"],
    "command": [str(Path(sys.executable).with_name("st-pipeline")), "sync", KEY],
}

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def home() -> Path:
    return empty_home("soak")


@pytest.fixture(scope="module")
def server(home: Path) -> postgres.Database:
    return postgres.warehouse(Settings.from_environment({"ST_PIPELINE_HOME": str(home)}))


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[int, str]]:
    with ExitStack() as stack:
        yield {invoices: stack.enter_context(serving(invoices)) for invoices in (SMALL, LARGE)}


def _sync(home: Path, server: postgres.Database, url: str, how: str, invoices: int) -> Measured:
    """Run a first sync of everything into a fresh database; fail if it is incomplete."""
    name = f"{how}_{invoices}"
    own = home / name
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ST_PIPELINE_", "SERVICETITAN_"))},
        "ST_PIPELINE_HOME": str(own),
        "ST_PIPELINE_DSN": server.with_name(name).url().reveal(),
        "ST_PIPELINE_DAGSTER_DSN": server.with_name(f"{name}_dagster").url().reveal(),
        "ST_PIPELINE_SANDBOX_URL": url,
    }
    pipeline = prepared(environment)
    result = measured(COMMANDS[how], environment)
    assert result.status == 0, result.said[-4000:]
    with postgres.connect(pipeline.database) as connection:
        rows = connection.execute("select count(*) from raw.accounting_invoices").fetchone()
    assert rows == (invoices,)
    logging.getLogger(__name__).info("%s, %d invoices: %.0f MB", how, invoices, result.peak)
    # Four syncs would fill a small disk.
    postgres.drop_database(pipeline.database)
    shutil.rmtree(own)
    return result


@pytest.mark.parametrize("how", COMMANDS)
def test_a_sync_of_six_times_as_many_invoices_needs_little_more_memory(
    how: str, home: Path, server: postgres.Database, urls: dict[int, str]
) -> None:
    small = _sync(home, server, urls[SMALL], how, SMALL).peak
    large = _sync(home, server, urls[LARGE], how, LARGE).peak
    assert large < MEGABYTES
    assert large <= GROWTH * small
