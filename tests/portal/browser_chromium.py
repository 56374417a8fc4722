"""A real browser: Chromium where there is one, and in it somebody who looks at pages; every source seen is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
NONE = "no Chromium is here: what the portal does in a real browser was not tested (Debian: apt-get install chromium)"


def chromium() -> str | None:
    """Where it is; None: there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window while the block runs."""
    with sync_playwright() as playwright:
        # As root, as in containers, it has no sandbox of its own.
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Person:
    """Somebody with a browser of their own: what pages said, what was asked for, what the console complained of."""

    page: Page
    base: str
    sources: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, browser: Browser, base: str, *, width: int = 1280, scheme: str = "light", zone: str = "UTC") -> Person:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            timezone_id=zone,
        )
        context.set_default_timeout(120_000)
        person = cls(context.new_page(), base)
        person.page.on("request", lambda request: person.addresses.append(request.url))
        person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
        person.page.on(
            "console",
            lambda message: person.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        return person

    def go(self, path: str) -> str:
        """Open an address of ours, or any."""
        self.page.goto(path if "://" in path else f"{self.base}{path}")
        return self.look()

    def look(self) -> str:
        """What the page says now."""
        self.sources.append(self.page.content())
        return self.page.inner_text("body")

    def fill(self, **fields: str) -> None:
        """Fields by their names."""
        for name, value in fields.items():
            self.page.fill(f'[name="{name}"]', value)

    def choose(self, **fields: str) -> None:
        """Options by their names and values."""
        for name, value in fields.items():
            self.page.select_option(f'[name="{name}"]', value)

    def press(self, button: str) -> str:
        """A button or link by its words; then what the next page says."""
        self.page.get_by_role("button", name=button, exact=True).first.click()
        self.page.wait_for_load_state("load")
        return self.look()

    def wait_until(self, text: str, *, seconds: float = 300) -> str:
        """Until the page says so by itself, without being loaded again."""
        self.page.get_by_text(text).first.wait_for(timeout=seconds * 1000)
        return self.look()
