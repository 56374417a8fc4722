"""``python -m benchmarks``: times the portal (portal.py), two queries (queries.py), then both sides alternately."""

from __future__ import annotations

import argparse
import atexit
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import portal, queries
from benchmarks.runs import Bench, Run, RunFailed
from benchmarks.server import serving
from benchmarks.tables import Incomplete

VARIANTS = ("rest-api", "csv", "csv-tables", "parquet")


def main() -> int:
    """0 if both sides' tables were complete in every run and every page and query stayed within its limit, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each side (3)")
    parser.add_argument("--invoices", type=int, default=50_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument(
        "--dlt",
        choices=VARIANTS,
        nargs="+",
        default=["rest-api", "csv"],
        help="ways of dlt (its REST source with the CSV loader, and the same tuned by hand; see README.md)",
    )
    asked = parser.parse_args()
    is_slow = portal.report(portal.measure(portal.TENANTS, portal.SYNCS, portal.TIMES), portal.TENANTS, portal.SYNCS)
    print()
    is_slow |= queries.report(queries.measure())
    print()
    home = Path(tempfile.mkdtemp(prefix="st-pipeline-benchmark-"))
    home.chmod(0o755)  # run as root, the database server is another user and must reach its folder
    # Registered before the server's own stop, so it runs after it.
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    try:
        with serving(asked.invoices, asked.customers) as served:
            print(
                f"{asked.invoices:,} invoices with two items and {asked.customers:,} customers, "
                f"API to typed Postgres tables\n"
            )
            bench = Bench(home, served)
            ours: list[Run] = []
            theirs: dict[str, list[Run]] = {variant: [] for variant in asked.dlt}
            for number in range(1, asked.runs + 1):
                ours.append(_shown(number, "ours", bench.ours()))
                for variant, runs in theirs.items():
                    runs.append(_shown(number, f"dlt {variant}", bench.dlt(variant)))
            _summary(served.expected.records, ours, theirs)
    except (Incomplete, RunFailed) as failure:
        print(f"No result: {failure}", file=sys.stderr)
        return 1
    return is_slow


def _shown(number: int, who: str, run: Run) -> Run:
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in run.phases.items())
    print(
        f"run {number}  {who:14}  {run.seconds:6.1f} s  ({phases}; with start {run.process_seconds:.1f} s; CPU"
        f" {run.client_cpu:.1f} s and {run.server_cpu:.1f} s in the database)",
        flush=True,
    )
    return run


def _summary(records: int, ours: list[Run], theirs: dict[str, list[Run]]) -> None:
    def rate(runs: list[Run]) -> float:
        return records / median(run.seconds for run in runs)

    def cpu(runs: list[Run]) -> float:
        return median(run.client_cpu + run.server_cpu for run in runs)

    print(f"\nours            {rate(ours):8,.0f} rows/s (medians of {len(ours)})")
    for variant, runs in theirs.items():
        print(
            f"dlt {variant:11} {rate(runs):8,.0f} rows/s: ratio {rate(ours) / rate(runs):.1f}, "
            f"of CPU seconds with clients' start {cpu(runs) / cpu(ours):.1f}"
        )
    spent = {phase: sum(run.phases[phase] for run in ours) for phase in ours[0].phases}
    whole = sum(spent.values())
    print("\nWhere our time goes: " + ", ".join(f"{phase} {100 * s / whole:.0f} %" for phase, s in spent.items()))


if __name__ == "__main__":
    sys.exit(main())
