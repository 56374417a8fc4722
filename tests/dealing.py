"""How the suite is dealt out to workers: by file, the long proofs first, and what shares a costly fixture together."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

LONG = "tests/end_to_end/"
# All look at the accounts of built.py, which take most of a minute to make.
TOGETHER = tuple(f"tests/end_to_end/test_{name}.py" for name in ("changes", "legacy", "secrets"))


def is_long(nodeid: str) -> bool:
    """Whether a test is one of those that decide when the last worker ends."""
    return nodeid.startswith(LONG)


class Dealing(LoadFileScheduling):
    """xdist's dealing by file, with one unit for the files that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return TOGETHER[0] if file in TOGETHER else file
