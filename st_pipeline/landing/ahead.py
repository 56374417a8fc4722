"""Fetch the next page while the one before is being worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from st_pipeline.servicetitan.pages import Page


def one_ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """``pages``, each asked for while the caller has the one before; two are in memory at most.

    One thread asks, so ``pages`` need not be safe for several. An error comes in its place, after the pages before it.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="fetch")
    try:
        coming = pool.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield page
    finally:
        # Whoever stops listening does not wait for an answer.
        pool.shutdown(wait=False, cancel_futures=True)
