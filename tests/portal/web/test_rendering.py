"""How times read: US format from the server, the reader's own locale and zone with scripts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from st_pipeline.portal.app import STATIC
from st_pipeline.portal.web.rendering import in_zone
from tests.portal.browser_chromium import NONE, chromium, launched

AT = datetime(2026, 11, 23, 7, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "text"),
    [
        (AT, "America/Chicago", "Nov 23, 2026, 1:19 AM CST"),
        (AT, "UTC", "Nov 23, 2026, 7:19 AM UTC"),
        (AT.replace(hour=18), "America/New_York", "Nov 23, 2026, 1:19 PM EST"),
        (AT.replace(hour=6), "America/Chicago", "Nov 23, 2026, 12:19 AM CST"),
        (AT.replace(hour=18), "America/Chicago", "Nov 23, 2026, 12:19 PM CST"),
        (AT.replace(month=7, day=4), "America/Los_Angeles", "Jul 4, 2026, 12:19 AM PDT"),
    ],
)
def test_without_scripts_a_time_reads_as_in_the_us_in_the_tenants_zone(at: datetime, zone: str, text: str) -> None:
    assert in_zone(at, zone) == text


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip(NONE)
    with launched() as browser:
        yield browser


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-US", "Nov 23, 2019, 2:19 AM 1:19 AM CST"),
        ("en-GB", "23 Nov 2019, 2:19 1:19 CST"),
        ("de-DE", "23. Nov. 2019, 2:19 1:19 CST"),
    ],
)
def test_with_scripts_a_time_is_in_the_readers_locale_and_zone_then_in_the_tenants(
    chrome: Browser, locale: str, text: str
) -> None:
    context = chrome.new_context(locale=locale, timezone_id="America/New_York")
    try:
        page = context.new_page()
        page.set_content('<time datetime="2019-11-23T07:19:00Z" data-zone="America/Chicago">as rendered</time>')
        page.add_script_tag(path=STATIC / "portal.js")
        # Between time and AM there is a narrow space.
        assert page.inner_text("time").replace("\u202f", " ") == text
    finally:
        context.close()
