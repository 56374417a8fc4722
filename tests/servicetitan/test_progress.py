from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.servicetitan.catalogue.lookup import endpoint
from st_pipeline.servicetitan.catalogue.model import Endpoint
from st_pipeline.servicetitan.pages import Page
from st_pipeline.servicetitan.progress import EMPTY_IN_A_ROW, Progress

EXPORT = endpoint("crm_customers")
LIST = endpoint("jpm_job_types")
NOW = 1000.0


def page(*records: bytes, more: bool = True, token: str | None = None) -> Page:
    return Page([msgspec.Raw(record) for record in records], 0, more, token, None)


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=20), st.data())
def test_an_export_stalls_exactly_when_a_token_comes_back(tokens: list[str], data: st.DataObject) -> None:
    progress = Progress(EXPORT, None, NOW)
    for token in tokens:
        assert progress.stalled(page(b"1", token=token)) is None
        progress.accept(page(b"1", token=token), NOW)
    assert progress.stalled(page(b"1", token=data.draw(st.sampled_from(tokens)))) is not None


def test_the_cursor_an_export_started_with_counts_as_seen() -> None:
    assert Progress(EXPORT, "t0", NOW).stalled(page(b"1", token="t0"))
    assert Progress(EXPORT, "t0", NOW).stalled(page(b"1", token="t0", more=False)) is None


def test_an_export_that_has_more_without_a_token_stalls() -> None:
    assert "no continuation token" in (Progress(EXPORT, None, NOW).stalled(page(b"1", token=None)) or "")


def test_empty_pages_with_new_tokens_are_progress_up_to_a_thousand_in_a_row() -> None:
    progress = Progress(EXPORT, None, NOW)
    for n in range(EMPTY_IN_A_ROW):
        assert progress.limit(NOW) is None
        assert progress.stalled(page(token=f"t{n}")) is None
        progress.accept(page(token=f"t{n}"), NOW)
    assert "1,000 empty pages in a row" in (progress.limit(NOW) or "")
    progress.accept(page(b"1", token="a"), NOW)
    assert progress.limit(NOW) is None


def test_empty_pages_are_progress_for_ten_minutes_however_few_they_are() -> None:
    progress = Progress(EXPORT, None, NOW)
    progress.accept(page(b"1", token="a"), NOW + 500)
    progress.accept(page(token="b"), NOW + 1000)
    assert progress.limit(NOW + 1000) is None
    progress.accept(page(token="c"), NOW + 1100)
    assert "2 empty pages in a row" in (progress.limit(NOW + 1100) or "")


@pytest.mark.parametrize("which", [EXPORT, LIST], ids=["export", "list"])
def test_no_read_lasts_longer_than_four_hours(which: Endpoint) -> None:
    progress = Progress(which, None, NOW)
    progress.accept(page(b"1", token="a"), NOW + 14_399)
    assert progress.limit(NOW + 14_399) is None
    assert "more records after 4 hours" in (progress.limit(NOW + 14_400) or "")


def test_a_list_stalls_on_an_empty_page_and_on_the_same_page_again() -> None:
    progress = Progress(LIST, "2026-01-01", NOW)
    assert "empty" in (progress.stalled(page()) or "")
    progress.accept(page(b"1", b"2"), NOW)
    assert "same page" in (progress.stalled(page(b"1", b"2")) or "")
    assert progress.stalled(page(b"1", b"3")) is None
    assert progress.stalled(page(b"1", b"2", more=False)) is None


def test_a_list_without_page_numbers_cannot_have_more() -> None:
    unpaged = dataclasses.replace(LIST, parameters=("active",))
    assert "page number" in (Progress(unpaged, None, NOW).stalled(page(b"1")) or "")


@pytest.mark.parametrize("which", [EXPORT, LIST], ids=["export", "list"])
def test_the_last_page_never_stalls(which: Endpoint) -> None:
    assert Progress(which, None, NOW).stalled(page(more=False)) is None
