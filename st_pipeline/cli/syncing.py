"""``st-pipeline sync``, ``reload`` and ``marts``: run the Dagster jobs in this process and show the results."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from st_pipeline import postgres
from st_pipeline.cli import output, tables
from st_pipeline.cli.context import open_operations
from st_pipeline.cli.errors import CommandRefused
from st_pipeline.cli.progress import sync_progress
from st_pipeline.cli.screen import Screen, echo
from st_pipeline.history import run_results
from st_pipeline.servicetitan.catalogue.assets import ASSET_ENTITIES
from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.settings import Settings
from st_pipeline.steps.step import Steps
from st_pipeline.sync.pipeline import Pipeline, open_pipeline

Keys = Annotated[list[str] | None, typer.Argument(metavar="KEY...", help="Keys of the tenants.", show_default=False)]
Everybody = Annotated[bool, typer.Option("--all", help="All enabled tenants.")]
Entities = Annotated[list[str] | None, typer.Option("--entity", metavar="E", help="Only this entity; repeat for more.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The result of a sync of several tenants."""

    succeeded: bool
    tenants: list[tuple[int, str, str | None, str | None, Steps]]
    entities: list[run_results.EntityStatus]


def sync(
    keys: Keys = None,
    everybody: Everybody = False,
    entity: Entities = None,
    full: Annotated[
        bool, typer.Option("--full", help="Full refresh: read every record again and mark missing ones as deleted.")
    ] = False,
    request: Annotated[
        bool, typer.Option("--request", help="Ask the daemon to run it, ahead of scheduled syncs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sync tenants now. If one fails, the others continue, and the exit status is 1."""
    pipeline = open_pipeline(Settings.from_environment())
    chosen = choose(pipeline, keys, everybody)
    if request:
        request_syncs(pipeline, chosen, _entities(entity) if entity else None, full=full, as_json=as_json)
        return
    show(run(pipeline, chosen, _entities(entity), full=full, shown=not as_json), as_json)


def reload(keys: Keys = None, everybody: Everybody = False, entity: Entities = None, as_json: AsJson = False) -> None:
    """Load all landed files again, typed with the current catalog, without calling the API."""
    pipeline = open_pipeline(Settings.from_environment())
    chosen = choose(pipeline, keys, everybody, disabled_too=True)
    show(run(pipeline, chosen, _entities(entity), reload=True, shown=not as_json), as_json)


def marts(as_json: AsJson = False) -> None:
    """Rebuild and check the reports of the tenants whose data changed."""
    pipeline = open_pipeline(Settings.from_environment())
    with Screen(stderr=True).status("dbt is building and testing the models"):
        succeeded, log = build_marts(pipeline)
    if as_json:
        output.json_({"succeeded": succeeded, "log": str(log)})
    else:
        typer.echo("Reports built and checked." if succeeded else f"The report build failed; see dbt's log in {log}")
        if not succeeded:
            echo("".join(log.read_text(errors="replace").splitlines(keepends=True)[-40:]), err=True)
    if not succeeded:
        raise typer.Exit(1)


def request_syncs(
    pipeline: Pipeline, keys: Sequence[str], entities: Sequence[str] | None, *, full: bool, as_json: bool
) -> None:
    """Request the tenants' syncs from the daemon. Raises CommandRefused for a disabled tenant: it would never run."""
    with pipeline.registry() as registry:
        if disabled := [key for key in keys if not registry.get(key).enabled]:
            raise CommandRefused(
                f"cannot sync disabled tenants: {', '.join(disabled)}; to turn syncs back on, run "
                f"st-pipeline tenants enable {disabled[0]}"
            )
    with open_operations(pipeline.settings) as operations:
        asked = {key: operations.request_sync(key, person(), full=full, entities=entities) for key in keys}
    if as_json:
        output.json_([{"tenant": key, "request": number} for key, number in asked.items()])
    else:
        typer.echo(f"Sync requested: {', '.join(keys)}. The daemon (st-pipeline up) picks it up within ten seconds.")


def person() -> str:
    """The user who runs this command, for the history."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def choose(pipeline: Pipeline, keys: Sequence[str] | None, everybody: bool, *, disabled_too: bool = False) -> list[str]:
    """The requested tenants. Raises TenantUnknown, or CommandRefused if neither or both of keys and --all are given."""
    if bool(keys) == everybody:
        raise CommandRefused("specify either tenant keys or --all")
    with pipeline.registry() as registry:
        if keys:
            return [registry.get(key).key for key in dict.fromkeys(keys)]
        return [tenant.key for tenant in registry.list() if tenant.enabled or disabled_too]


def run(
    pipeline: Pipeline,
    keys: Sequence[str],
    entities: Sequence[str],
    *,
    full: bool = False,
    reload: bool = False,
    shown: bool = True,
) -> SyncReport:
    """Run the job for ``keys`` and read back what it did."""
    if not keys:
        return SyncReport(True, [], [])
    from st_pipeline.defs import local_runs

    with sync_progress(len(entities), shown=shown) as progress:
        instance = local_runs.open_instance(pipeline.settings)
        launched = local_runs.run_sync(
            instance,
            replace(pipeline, progress=progress),
            keys,
            entities,
            full=full,
            reload=reload,
            requested_by=person(),
        )
    with postgres.connect(pipeline.database, autocommit=True) as connection:
        syncs = run_results.find_syncs_of_runs(connection, [each.run_id for each in launched])
        return SyncReport(
            succeeded=all(each.succeeded for each in launched),
            tenants=syncs,
            entities=run_results.read_entities(connection, [sync_id for sync_id, *_ in syncs]),
        )


def build_marts(pipeline: Pipeline) -> tuple[bool, Path]:
    """Whether the build succeeded, and dbt's log file."""
    from st_pipeline.defs import local_runs

    log = pipeline.settings.home / "logs" / "marts.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file, contextlib.redirect_stdout(file):
        launched = local_runs.run_marts(local_runs.open_instance(pipeline.settings), pipeline)
    return launched.succeeded, log


def show(report: SyncReport, as_json: bool) -> None:
    """Show the report; exit status 1 if anything requested failed."""
    if as_json:
        output.json_(
            {
                "succeeded": report.succeeded,
                "tenants": [
                    {"tenant": tenant, "outcome": outcome, "error": error}
                    for _, tenant, outcome, error, _ in report.tenants
                ],
                "entities": [asdict(each) for each in report.entities],
            }
        )
    else:
        tables.sync_report(report.tenants, report.entities)
    if not report.succeeded:
        raise typer.Exit(1)


def _entities(asked: Sequence[str] | None) -> list[str]:
    if not asked:
        return list(ASSET_ENTITIES)
    for name in asked:
        if name not in ASSET_ENTITIES:
            try:
                endpoint(name)
            except KeyError as error:
                raise CommandRefused(str(error.args[0])) from None
            known = ", ".join(ASSET_ENTITIES)
            raise CommandRefused(f"{name} is in the catalog but is not synced yet; the entities are: {known}")
    return list(dict.fromkeys(asked))
