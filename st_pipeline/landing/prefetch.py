"""Fetch the next page while the current one is being processed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from st_pipeline.servicetitan.pages import Page


def prefetch_one(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield ``pages``, fetching each one while the caller works on the one before. At most two are in memory.

    One thread fetches, so ``pages`` need not be thread-safe. An error is raised in order, after the pages before it.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="fetch")
    try:
        coming = pool.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield page
    finally:
        # A caller that stops early doesn't wait for the pending page.
        pool.shutdown(wait=False, cancel_futures=True)
