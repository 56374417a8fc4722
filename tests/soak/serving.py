"""A sandbox in its own process, so that its records do not count as the measured process's memory.

``python -m tests.soak.serving INVOICES`` generates the data, then prints its URL and serves until its input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from st_pipeline.sandbox import Account, Sandbox, Size

TENANT_ID = 1001
CLIENT_ID = "cid.soak"
CLIENT_SECRET = "cs1.soak"
APP_KEY = "ak1.soak"
PAGE_RECORDS = 1_000
CUSTOMERS = 2_000


@contextmanager
def serving(invoices: int) -> Iterator[str]:
    """The URL of a sandbox with one tenant that has ``invoices`` invoices of two items, and matching other records."""
    command = [sys.executable, "-m", "tests.soak.serving", str(invoices)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        url = process.stdout.readline().strip()
        assert url, "the sandbox ended before it was ready"
        yield url
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def _serve(invoices: int) -> None:
    size = Size(customers=CUSTOMERS, invoices=invoices, items_per_invoice=2)
    account = Account(TENANT_ID, CLIENT_ID, CLIENT_SECRET, APP_KEY, size=size)
    with Sandbox([account], page_size=PAGE_RECORDS) as sandbox:
        sandbox.world(TENANT_ID).shelf("accounting_invoices")  # generated before anyone waits for it
        print(sandbox.url, flush=True)  # noqa: T201 - how the other process learns it
        sys.stdin.read()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
