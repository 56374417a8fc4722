"""prefetch.py: pages and errors keep their order, and at most one page is fetched ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from st_pipeline.landing.land import file_limit
from st_pipeline.landing.prefetch import prefetch_one
from st_pipeline.servicetitan.pages import Page
from tests.support.waiting import PATIENCE_SECONDS


def page(number: int) -> Page:
    return Page([], number, True, None, None)


def test_pages_come_in_order_and_an_error_comes_after_those_before_it() -> None:
    def pages() -> Iterator[Page]:
        yield page(1)
        yield page(2)
        raise ValueError("no third page")

    seen: list[int] = []
    with pytest.raises(ValueError, match="no third page"):
        seen.extend(each.size for each in prefetch_one(pages()))
    assert seen == [1, 2]


def test_only_one_page_is_fetched_ahead() -> None:
    fetched = 0
    third = threading.Event()

    def pages() -> Iterator[Page]:
        nonlocal fetched
        for number in range(5):
            fetched += 1
            if fetched == 3:
                third.set()
            yield page(number)

    ahead = prefetch_one(pages())
    next(ahead)
    next(ahead)
    assert third.wait(PATIENCE_SECONDS), "the next one is fetched while the second is processed"
    assert fetched == 3
    ahead.close()  # type: ignore[attr-defined]


def test_one_thread_fetches_all_pages() -> None:
    threads: set[int] = set()

    def pages() -> Iterator[Page]:
        for number in range(4):
            threads.add(threading.get_ident())
            yield page(number)

    assert len(list(prefetch_one(pages()))) == 4
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_files_of_a_batch_double_up_to_the_largest() -> None:
    assert [file_limit(n, 128) for n in range(6)] == [16, 32, 64, 128, 128, 128]
