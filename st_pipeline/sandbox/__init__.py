"""An API server that imitates ServiceTitan for development and tests.

It imports nothing from the rest of the package. Only the command line, tests and benchmarks import it.

    with Sandbox(accounts=[Account(1001, "cid.x", "cs1.x", "ak1.x")]) as sandbox:
        requests.post(f"{sandbox.url}/connect/token", data=...)
"""

from st_pipeline.sandbox.account import DEMO_ACCOUNTS, Account, Size, demo_accounts, spare_accounts
from st_pipeline.sandbox.calls import Call
from st_pipeline.sandbox.changing import Changed
from st_pipeline.sandbox.faults import Faults
from st_pipeline.sandbox.server import Sandbox, serve
from st_pipeline.sandbox.world.held import World

__all__ = [
    "DEMO_ACCOUNTS",
    "Account",
    "Call",
    "Changed",
    "Faults",
    "Sandbox",
    "Size",
    "World",
    "demo_accounts",
    "serve",
    "spare_accounts",
]
