"""portal/words/formats.py: figures as they are shown, and the badge of each state."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.history.syncs import SyncState
from st_pipeline.overview.overview import TenantOverview
from st_pipeline.portal.words.formats import (
    NOTHING,
    Badge,
    connection_badge,
    count,
    data_state,
    duration,
    latency,
    share,
    size,
    sync_badge,
)
from st_pipeline.tenants.fields import Environment
from st_pipeline.tenants.model import Status, Tenant
from tests.support.past import DAY, NOW

TENANT = Tenant(
    "acme", "Acme", 1, Environment.PRODUCTION, None, None, "UTC", "nightly", True, Status.CONNECTED, "connected",
    NOW, NOW, NOW, frozenset(), NOW, NOW,
)  # fmt: skip
TONES = {"good", "bad", "warn", "busy", "quiet"}
UNITS = {"s": 1, "min": 60, "h": 3600, "ms": 0.001, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def value_of(text: str) -> float:
    """The figure that a reader takes from a text."""
    found = re.fullmatch(r"([\d.,]+) (\w+)", text)
    assert found, text
    return float(found[1].replace(",", "")) * UNITS[found[2]]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, NOTHING), (0, "0.0 s"), (0.84, "0.8 s"), (9.9, "9.9 s"), (42.4, "42 s"), (99, "99 s"), (100, "2 min"),
        (720, "12 min"), (99 * 60, "99 min"), (6000, "1.7 h"), (11_520, "3.2 h"),
    ],
)  # fmt: skip
def test_a_duration_is_in_the_unit_that_keeps_it_short(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 ms"), (0.0034, "3 ms"), (0.1, "0.10 s"), (0.137, "0.14 s"), (12.34, "12.3 s")]
)
def test_a_latency_is_in_milliseconds_below_a_tenth_of_a_second(seconds: float, text: str) -> None:
    assert latency(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, NOTHING), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (12_345, "12.3 kB"), (999_499, "999 kB"),
        (999_500, "1 MB"), (3_400_000, "3.4 MB"), (2_500_000_000, "2.5 GB"), (1_234_567_000_000, "1.2 TB"),
    ],
)  # fmt: skip
def test_a_size_has_at_most_three_digits(number: int | None, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(("number", "text"), [(None, NOTHING), (0, "0"), (999, "999"), (1234567, "1,234,567")])
def test_a_count_has_commas(number: int | None, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("part", "text"), [(None, NOTHING), (0, "0%"), (0.5, "50%"), (0.975, "97.5%"), (0.9999, "99.9%"), (1, "100%")]
)
def test_a_share_is_a_percentage(part: float | None, text: str) -> None:
    assert share(part) == text


@given(st.floats(0, 1))
def test_a_share_is_never_100_percent_where_something_is_missing(part: float) -> None:
    assert (share(part) == "100%") == (part == 1)
    assert float(share(part).removesuffix("%")) / 100 == pytest.approx(part, abs=0.0011)


@given(st.floats(0, 10**6))
def test_a_duration_is_at_most_a_fifth_off(seconds: float) -> None:
    assert value_of(duration(seconds)) == pytest.approx(seconds, rel=0.21, abs=0.051)


@given(st.floats(0, 10**4))
def test_a_latency_is_off_by_less_than_it_shows(seconds: float) -> None:
    assert value_of(latency(seconds)) == pytest.approx(seconds, rel=0.051, abs=0.00051)


@given(st.integers(0, 10**15))
def test_a_size_is_off_by_less_than_it_shows(number: int) -> None:
    assert value_of(size(number)) == pytest.approx(number, rel=0.051)


@pytest.mark.parametrize("status", Status)
def test_a_disabled_tenant_is_disabled_however_it_is_connected(status: Status) -> None:
    tenant = replace(TENANT, status=status)
    assert connection_badge(tenant).word == status.label
    assert connection_badge(tenant).tone in TONES - {"busy"}
    assert connection_badge(replace(tenant, enabled=False)) == Badge("disabled", "quiet")


def test_only_a_connected_tenant_and_a_sync_that_succeeded_look_good() -> None:
    assert [s for s in Status if connection_badge(replace(TENANT, status=s)).tone == "good"] == [Status.CONNECTED]
    assert [state for state in SyncState if sync_badge(state).tone == "good"] == [SyncState.SUCCEEDED]
    assert sync_badge(SyncState.RUNNING) == Badge("running", "busy")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"fresh_until": NOW}, ("not complete yet", "quiet", "due by")),
        ({"fresh_until": NOW, "last_success_at": NOW - DAY}, ("fresh", "good", "until")),
        ({"stale_since": NOW}, ("stale", "bad", "since")),
        ({"stale_since": NOW, "last_success_at": NOW - DAY}, ("stale", "bad", "since")),
    ],
)
def test_data_is_fresh_only_after_a_success_and_is_nothing_where_nothing_is_expected(
    changes: dict[str, Any], said: tuple[str, str, str] | None
) -> None:
    nothing: dict[str, Any] = {"last_success_at": None, "fresh_until": None, "stale_since": None}
    one = TenantOverview(
        tenant=TENANT, recent=[], last=None, next_sync=None, is_queued=False, quarantined_whole=0,
        quarantined_fields=0, drift=0, incidents=[], **(nothing | changes),
    )  # fmt: skip
    state = data_state(one)
    assert (state and (state.badge.word, state.badge.tone, state.preposition)) == said
    assert state is None or state.at == NOW
