"""Distributes the suite to workers: by file, long tests first, and files that share a costly fixture together."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

LONG = (
    "tests/end_to_end/",
    "tests/legacy/",
    "tests/portal/test_accessibility.py",
    "tests/defs/test_reports.py",
    "tests/alerting/test_alerting_with_sandbox.py",
    "tests/test_embedded_postgres.py",
)
# The first three use the accounts of built.py, which take most of a minute to build; the others share one dbt project.
TOGETHER = (
    frozenset(f"tests/end_to_end/test_{name}.py" for name in ("changes", "legacy", "secrets")),
    frozenset(f"tests/legacy/test_{name}.py" for name in ("equality", "functions")),
)


def is_long(nodeid: str) -> bool:
    """Whether a test is one of the long ones that determine when the last worker ends."""
    return nodeid.startswith(LONG)


class Dealing(LoadFileScheduling):
    """xdist's scheduling by file, with one unit for files that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((min(files) for files in TOGETHER if file in files), file)
