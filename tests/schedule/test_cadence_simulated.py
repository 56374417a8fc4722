"""A scheduler simulated for weeks, in any zone and with any failures: nothing is skipped or doubled."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from st_pipeline.schedule.due_times import (
    PAUSES,
    REFUSED_HOLD,
    Due,
    Reason,
    State,
    is_due,
    next_sync,
    parse,
    regular_times,
)
from st_pipeline.schedule.regular_times import RegularTimes

ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TURN = 10 * MINUTE
PARTS = 20
CADENCES = (
    "nightly", "nightly 02:30", "weekly sun", "monthly last 03:00", "monthly 31", "every 6h", "every 45m", "every 1d",
    "0 * * * *", "*/30 * * * *", "30 2 * * 1-5", "0 0,12 */3 * *", "nightly between 02:00 and 02:10",
    "every 1h between 20:00 and 06:00", "nightly 12:00 between 23:00 and 05:00", "30 1,2 * * * between 01:00 and 03:00",
)  # fmt: skip
STARTS = st.datetimes(datetime(1995, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))


@dataclass
class Tenant:
    """One tenant and the scheduler that checks it."""

    cadence: str
    zone: str
    state: State
    key: str = "acme"
    done: list[tuple[datetime, Due]] = field(default_factory=list)

    def ask(self, now: datetime) -> Due | None:
        """What to start now."""
        cadence = parse(self.cadence)
        due = next_sync(cadence, self.zone, self.state, now, self.key)
        if due is None or due.at > now:
            return None
        assert is_due(cadence, self.zone, self.state, now, self.key)
        return due

    def turn(self, now: datetime, outcome: Callable[[Due], str] = lambda due: "succeeded") -> None:
        """Check, and run what is due; that takes a minute."""
        due = self.ask(now)
        if due is None:
            return
        self.done.append((now, due))
        result, state = outcome(due), self.state
        if result == "succeeded":
            served = max(due.due_for, state.last_success_due or due.due_for)
            self.state = replace(state, last_success_due=served, failed_starts=(), last_failure_is_permanent=False)
        else:
            self.state = replace(
                state,
                failed_starts=(*state.failed_starts, now),
                last_ended_at=now + MINUTE,
                last_failure_is_permanent=result == "refused",
            )

    def regular(self, after: datetime, until: datetime) -> list[datetime]:
        """The scheduled times between two instants."""
        times = RegularTimes(parse(self.cadence), self.zone)

        def following() -> Iterator[datetime]:
            at = after
            while True:
                at = times.after(at)
                yield at

        return list(takewhile(lambda at: at < until, following()))


def connected(start: datetime, cadence: str, zone: str, key: str = "acme") -> Tenant:
    return Tenant(cadence, zone, State(connected_since=start, last_success_due=None), key)


def turns(start: datetime, length: timedelta) -> Iterator[datetime]:
    return (start + n * TURN for n in range(length // TURN))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CADENCES), st.sampled_from(ZONES), STARTS, st.text(max_size=3))
@example("nightly 02:30", "America/New_York", datetime(2026, 3, 6, 12, tzinfo=UTC), "")
@example("nightly 02:30", "Europe/Berlin", datetime(2026, 10, 23, 12, tzinfo=UTC), "")
@example("0 * * * *", "Pacific/Apia", datetime(2011, 12, 28, 12, tzinfo=UTC), "")
def test_every_regular_time_is_served_once_and_in_time(cadence: str, zone: str, start: datetime, key: str) -> None:
    tenant, end = connected(start, cadence, zone, key), start + 5 * DAY
    for now in turns(start, end - start):
        tenant.turn(now)
    (first_at, first), *others = tenant.done
    assert first.reason is Reason.FIRST
    assert first_at >= first.at
    expected = tenant.regular(first.due_for, end - HOUR)
    assert [due.due_for for _, due in others][: len(expected)] == expected
    for now, due in others:
        assert due.reason is Reason.REGULAR
        assert timedelta(0) <= now - due.at < TURN
        assert timedelta(0) <= due.at - due.due_for < 30 * MINUTE


@pytest.mark.parametrize("first", range(PARTS))
def test_in_every_zone_the_nights_around_a_change_of_the_clocks_are_served_once(first: int) -> None:
    for number in range(first, len(ZONES), PARTS):
        zone, year = ZONES[number], 1995 + number % 55
        here = zoneinfo.ZoneInfo(zone)
        days = [datetime(year, 1, 1, tzinfo=UTC) + n * DAY for n in range(366)]
        offsets = [day.astimezone(here).utcoffset() for day in days]
        changes = [day for day, (a, b) in zip(days, pairwise(offsets), strict=False) if a != b]
        start = Random(zone).choice(changes or days) - DAY
        tenant = connected(start, "nightly 02:30", zone, key=zone)
        for now in turns(start, 3 * DAY):
            # Far from the scheduled times there is little to do: check every six hours.
            if now.astimezone(here).hour in (2, 3) or (now.hour % 6, now.minute) == (0, 0):
                tenant.turn(now)
        served = [due.due_for for _, due in tenant.done]
        expected = tenant.regular(served[0], start + 3 * DAY - HOUR)
        assert len(expected) >= 2, zone
        assert served[1 : 1 + len(expected)] == expected, zone
        assert len(served) <= len(expected) + 2, zone


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(CADENCES),
    st.sampled_from(ZONES),
    STARTS,
    st.lists(
        st.timedeltas(SECOND, DAY) | st.timedeltas(SECOND, 20 * MINUTE) | st.timedeltas(DAY, 90 * DAY), max_size=60
    ),
)
def test_one_sync_serves_everything_due_whenever_the_daemon_checks(
    cadence: str, zone: str, start: datetime, absences: list[timedelta]
) -> None:
    tenant, times, now = connected(start, cadence, zone), RegularTimes(parse(cadence), zone), start
    for absence in absences:
        now += absence
        before = tenant.state.last_success_due
        tenant.turn(now)
        if tenant.ask(now):
            pytest.fail("due twice at one instant")
        inside = times.hours.next_allowed(now) == now
        if not inside:
            assert tenant.state.last_success_due == before, "started outside its window"
            continue
        served = tenant.state.last_success_due
        assert served
        # Everything that should have started has started, unless the next time is about to start and serves it too.
        is_about_to_start = times.start(times.until(now), tenant.key) > now
        assert is_about_to_start or times.start(times.after(served), tenant.key) > now
    due_for = [due.due_for for _, due in tenant.done]
    assert due_for == sorted(set(due_for)), "never two for the same time"
    for now, due in tenant.done[1:]:
        assert times.until(due.due_for) == due.due_for, "for a regular time"
        assert due.reason is (
            Reason.CATCH_UP if now - due.at > 15 * MINUTE or due.reason is Reason.CATCH_UP else Reason.REGULAR
        )


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CADENCES), st.sampled_from(ZONES), STARTS, st.integers(), st.floats(0, 1), st.floats(0, 0.3))
def test_every_failure_is_retried_as_documented(
    cadence: str, zone: str, start: datetime, seed: int, failing: float, refused: float
) -> None:
    luck = Random(seed)
    results: list[str] = []

    def outcome(due: Due) -> str:
        drawn = luck.random()
        results.append("refused" if drawn < refused else "failed" if drawn < failing else "succeeded")
        return results[-1]

    tenant = connected(start, cadence, zone)
    times = RegularTimes(parse(cadence), zone)
    for now in turns(start, 4 * DAY):
        tenant.turn(now, outcome)
    tries: dict[datetime, list[tuple[datetime, str]]] = {}
    for (now, due), result in zip(tenant.done, results, strict=True):
        assert times.hours.next_allowed(now) == now, "in the window"
        if due.reason is Reason.REGULAR and due is tenant.done[1][1]:
            # A first sync just before the end of the tenant's delay would have served that scheduled time as well.
            tries.pop(due.due_for, None)
        tries.setdefault(due.due_for, []).append((now, result))
        assert (due.reason is Reason.RETRY) == (len(tries[due.due_for]) > 1)
        if due.reason is Reason.RETRY:
            assert now < times.after(due.due_for), "never at the next scheduled time or later"
    assert list(tries) == sorted(tries)
    for made in tries.values():
        assert len(made) <= 1 + len(PAUSES)
        assert all(result == "failed" for _, result in made[:-1]), "neither a success nor a rejection is retried"
        for ((a, _), (b, _)), pause in zip(pairwise(made), PAUSES, strict=False):
            assert b - a >= MINUTE + pause
    # Each scheduled time has an attempt, whatever happened to the ones before.
    first, *others = tries
    assert first == tenant.done[0][1].due_for or tenant.done[1][1].reason is Reason.REGULAR
    refused_at = [now for (now, _), result in zip(tenant.done, results, strict=True) if result == "refused"]
    expected = [
        regular
        for regular in tenant.regular(first, start + 4 * DAY - HOUR)
        # But times within two hours of a rejection wait, and then count as one.
        if regular in tries or not any(at <= regular < at + REFUSED_HOLD + HOUR for at in refused_at)
    ]
    assert others[: len(expected)] == expected
    for at in refused_at:
        assert not [now for now, _ in tenant.done if at < now < at + REFUSED_HOLD]


@st.composite
def states(draw: st.DrawFn) -> tuple[State, datetime]:
    """Any past of a tenant, and a current time."""
    now = draw(STARTS)

    def earlier() -> datetime:
        return now - draw(st.timedeltas(timedelta(0), 3 * HOUR) | st.timedeltas(timedelta(0), 40 * DAY))

    served = draw(st.none() | st.builds(earlier))
    failed = sorted(earlier() for _ in range(draw(st.integers(0, 7))))
    state = State(
        connected_since=earlier(),
        last_success_due=served,
        failed_starts=tuple(start for start in failed if served is None or start > served),
        last_ended_at=min(now, failed[-1] + 20 * MINUTE) if failed else served,
        last_failure_is_permanent=draw(st.booleans()),
        credentials_changed_at=draw(st.none() | st.builds(earlier)),
        running=draw(st.booleans()),
    )
    return state, now


HELD_OUT_OF_ITS_WINDOW = (
    State(
        connected_since=datetime(2000, 1, 1, 6, tzinfo=UTC),
        last_success_due=None,
        failed_starts=(datetime(2000, 1, 1, 6, tzinfo=UTC),),
        last_ended_at=datetime(2000, 1, 1, 6, tzinfo=UTC),
        last_failure_is_permanent=True,
    ),
    datetime(2000, 1, 1, 6, tzinfo=UTC),
)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(CADENCES), st.sampled_from(ZONES), states(), st.floats(0, 1, exclude_max=True))
@example("30 1,2 * * * between 01:00 and 03:00", "America/Cayman", HELD_OUT_OF_ITS_WINDOW, 0.5)
def test_predicted_syncs_happen(cadence: str, zone: str, been: tuple[State, datetime], part: float) -> None:
    """The command line predicts now, the schedule checks later: as long as nothing happens, they must agree."""
    (state, now), rule = been, parse(cadence)
    due = next_sync(rule, zone, state, now, "acme")
    assert due
    assert RegularTimes(rule, zone).hours.next_allowed(due.at) == due.at
    assert state.last_success_due is None or due.due_for > state.last_success_due
    if due.at <= now:
        return
    between = min(now + (due.at - now) * part, due.at - timedelta.resolution)
    assert next_sync(rule, zone, state, between, "acme") == due
    if not state.running:
        assert not is_due(rule, zone, state, between, "acme")
        assert is_due(rule, zone, state, due.at, "acme")
        then = next_sync(rule, zone, state, due.at, "acme")
        assert then
        assert (then.at, then.due_for) == (due.at, due.due_for)


def test_three_hundred_tenants_due_at_once_are_spread_and_each_served_once() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    tenants = [
        Tenant("nightly", "UTC", State(start - DAY, last_success_due=start - DAY + 2 * HOUR), f"tenant-{n}")
        for n in range(300)
    ]
    due = [next_sync(parse("nightly"), "UTC", tenant.state, start, tenant.key) for tenant in tenants]
    minutes = {one.at.replace(second=0) for one in due if one}
    assert len(minutes) == 30
    for now in turns(start, 6 * HOUR):
        for tenant in tenants:
            tenant.turn(now)
    assert all(len(tenant.done) == 1 for tenant in tenants)


def test_a_daemon_stopped_for_a_day_catches_up_once() -> None:
    start = datetime(2026, 6, 1, 12, tzinfo=UTC)
    tenant = connected(start, "every 45m", "UTC")
    back = start + 2 * DAY + 20 * MINUTE
    for now in (*turns(start, DAY), *turns(back, DAY)):
        tenant.turn(now)
    caught_up = [(now, due) for now, due in tenant.done if due.reason is Reason.CATCH_UP]
    noon = start + 2 * DAY
    assert caught_up == [(back, Due(noon, Reason.CATCH_UP, noon))]
    assert [due.due_for for now, due in tenant.done if now > back][:2] == regular_times(
        parse("every 45m"), "UTC", noon, 2
    )
