"""One sync in words: why it ran, and its log, in order. Pure; history/sync_log.py reads the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from st_pipeline.history.sync_log import FileRow, LogEntries
from st_pipeline.history.syncs import Sync, SyncDetail, SyncEntity, SyncState
from st_pipeline.portal.people.roles import Actor
from st_pipeline.portal.words.entity_words import entity_words
from st_pipeline.portal.words.formats import count, duration, size
from st_pipeline.portal.words.step_words import problem_words

_REASONS = {
    "manual": "Manual",
    "first": "First sync",
    "regular": "Scheduled",
    "catch_up": "Catch-up for a missed sync",
    "retry": "Retry",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One event in the log. ``at`` is None if its time is unknown; such lines come before the end."""

    at: datetime | None
    text: str
    tone: str = "quiet"


def reason_words(reason: str, requested_by: str) -> str:
    """Why it ran: ``Scheduled``, ``Requested by ann``."""
    if reason == "request":
        return f"Requested by {requested_by}" if requested_by else "Requested"
    words = _REASONS.get(reason, reason.replace("_", " "))
    return f"{words}, {requested_by}" if requested_by else words


def scope_words(*, is_full: bool, is_partial: bool) -> str:
    """What it read: ``New and changed records`` or ``Full refresh``, of all entities or some."""
    what = "Full refresh" if is_full else "New and changed records"
    return f"{what}, some record types only" if is_partial else what


def log_lines(detail: SyncDetail, rows: LogEntries, actor: Actor) -> list[Line]:
    """The log lines: events in order of time, then a line for each entity that did not succeed."""
    timed = sorted(_timed(detail.sync, rows), key=lambda line: line.at)  # pyright: ignore - all of these have one
    more = [Line(None, f"{rows.more_files:,} more files downloaded")] if rows.more_files else []
    return [*timed, *more, *_entities(detail, actor), *_end(detail, actor)]


def _timed(sync: Sync, rows: LogEntries) -> Iterator[Line]:
    for request in rows.requests:
        yield Line(request.requested_at, f"Requested by {request.requested_by}")
    what = scope_words(is_full=sync.is_full, is_partial=sync.is_partial)
    yield Line(sync.started_at, f"Started: {what} ({reason_words(sync.reason, sync.requested_by)})", "busy")
    for file in rows.files:
        yield from _file(file)
    for change in rows.drift:
        came = "New fields" if change.kind == "new" else "Fields no longer sent"
        yield Line(change.first_seen_at, f"{change.entity}: {came}: {', '.join(change.fields)}", "warn")


def _file(file: FileRow) -> Iterator[Line]:
    kept = f" ({count(file.quarantined_whole)} of them problem records)" if file.quarantined_whole else ""
    pages = "1 page" if file.pages == 1 else f"{count(file.pages)} pages"
    records = _records(file.records)
    yield Line(file.landed_at, f"{file.entity}: {records} downloaded{kept} from {pages}, {size(file.bytes)}")
    if file.loaded_at:
        # Landed versions older than those in raw are not counted as loaded.
        yield Line(file.loaded_at, f"{file.entity}: {_records(file.loaded_rows or 0)} loaded")


def _entities(detail: SyncDetail, actor: Actor) -> Iterator[Line]:
    for one in detail.entities:
        if one.outcome == "not_granted":
            yield Line(None, f"{one.entity}: permission missing. {_said(one, detail, actor)}", "warn")
        elif one.outcome != "succeeded":
            yield Line(None, f"{one.entity}: failed. {_said(one, detail, actor)}", "bad")
        elif one.detail:
            yield Line(None, f"{one.entity}: {_said(one, detail, actor)}", "warn")


def _end(detail: SyncDetail, actor: Actor) -> Iterator[Line]:
    sync = detail.sync
    if sync.state is SyncState.SUCCEEDED:
        sums = f"{_records(sync.fetched)} downloaded, {count(sync.loaded)} loaded"
        yield Line(sync.finished_at, f"Succeeded in {duration(sync.seconds)}: {sums}", "good")
    elif sync.state is SyncState.FAILED:
        yield Line(sync.finished_at, f"Failed after {duration(sync.seconds)}{_why(detail, actor)}", "bad")
    elif sync.state is SyncState.INTERRUPTED:
        yield Line(
            None,
            "The sync process stopped unexpectedly; it was killed or ran out of memory. Downloaded data is kept.",
            "bad",
        )


def _said(one: SyncEntity, detail: SyncDetail, actor: Actor) -> str:
    return problem_words(one.detail, one.steps, actor, detail.sync.tenant) if one.detail else ""


def _why(detail: SyncDetail, actor: Actor) -> str:
    """Why the sync itself stopped, or which entities failed; their own lines say why."""
    sync = detail.sync
    if sync.own_error:
        return f": {problem_words(sync.own_error, sync.steps, actor, sync.tenant)}"
    failed = [entity_words(one.entity) for one in detail.entities if one.outcome != "succeeded"]
    if len(failed) == 1:
        return f". This record type failed: {failed[0]}. The reason is above."
    return f". These record types failed: {', '.join(failed)}. Each is explained above."


def _records(number: int) -> str:
    return "1 record" if number == 1 else f"{count(number)} records"
