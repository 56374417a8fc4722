"""Every form that any page shows, and every address, with whatever may be entered: never a fault of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starlette.applications import Starlette

from st_pipeline.portal.people.roles import Role
from st_pipeline.portal.routes import PAGES
from st_pipeline.portal.web.guards import Page
from st_pipeline.portal.web.intake import FORM_TYPE
from st_pipeline.tenants import clients
from tests.portal.browser import Browser
from tests.portal.browser_forms import forms_of
from tests.portal.browser_world import World, fill
from tests.portal.conftest import SignedIn

EXAMPLES = 25
GETS = [page for page in PAGES if "GET" in (page.methods or ())]
POSTS = [page for page in PAGES if "POST" in (page.methods or ()) and page.path not in ("/sign-in", "/sign-out")]
"""Signing in hashes a password each time; test_signin.py has what it is given."""
QUERIES = [
    "q", "show", "sort", "page", "entity", "outcome", "after", "before", "days", "tenant", "actor", "action", "next",
    "from", "until", "to", "kind", "at", "weekday", "day", "every", "unit", "cron", "opens", "closes", "timezone",
]  # fmt: skip
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]

TELLING = st.sampled_from(
    [
        "", " ", "0", "-1", "1", "9" * 30, "1e9", "٣", "true", "mon", "24:00", "25:61", "02:30", "* * * * *",
        "0 0 31 2 *", "*/0 * * * *", "nightly", "every 0h", "monthly last", "UTC", "America/Chicago", "../etc",
        "' or 1=1 --", "%s", "{{7*7}}", "\r\nX: y", "<b>", "\ufeff", "\u202e", "🛠", "a" * 5000, "2026-02-30",
        "9999-12-31", "99999-1", "١٢",
    ]
)  # fmt: skip
CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
TEXTS = st.one_of(TELLING, st.text(CHARACTERS, max_size=40), st.integers().map(str))


@pytest.fixture(scope="module", autouse=True)
def _nobody_is_asked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        before: Callable[..., object] = clients.hosts
        patch.setattr(clients, "hosts", lambda environment, url: before("sandbox", "http://127.0.0.1:9"))
        yield


@pytest.fixture
def world(app: Starlette, control: psycopg.Connection) -> World:
    return fill(control, "as usual")


def fields_of(page: Page, world: World, browser: Browser) -> dict[str, list[str]]:
    """What the forms for this page hold, wherever they are shown."""
    wanted, found = world.address(page, "acme"), dict[str, list[str]]()
    for shown in GETS:
        path = world.address(shown, "acme")
        for form in forms_of(browser.get(path).text, path):
            if form.action == wanted:
                found.update(form.fields)
    return {name: options for name, options in found.items() if name != "form_token"}


def entered(fields: dict[str, list[str]]) -> st.SearchStrategy[dict[str, str]]:
    """Any of the fields, each with what it offers, or anything."""
    of_fields = {
        name: st.one_of(st.sampled_from(options), TEXTS) if options else TEXTS for name, options in fields.items()
    }
    return st.fixed_dictionaries({}, optional=of_fields)


@pytest.mark.parametrize("page", POSTS, ids=[page.path for page in POSTS])
def test_no_form_makes_a_fault(world: World, signed_in: SignedIn, page: Page) -> None:
    browser = signed_in(Role.OPERATOR)
    fields = fields_of(page, world, browser)
    path, token = world.address(page, "acme"), browser.token("/nowhere")

    @examples(
        max_examples=EXAMPLES if fields else 2,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=SLOW,
    )
    @given(form=entered(fields or {"x": []}))
    def sent(form: dict[str, str]) -> None:
        body = urlencode({"form_token": token, **form}).encode()
        answer = browser.http.post(path, content=body, headers={"Content-Type": FORM_TYPE})
        assert answer.status_code < 500, form
        location = answer.headers.get("location", "/")
        assert location.startswith("/")
        assert not location.startswith("//")

    sent()


@pytest.mark.parametrize("page", GETS, ids=[page.path for page in GETS])
def test_no_address_makes_a_fault(world: World, signed_in: SignedIn, page: Page) -> None:
    browser = signed_in(Role.OPERATOR)
    path = world.address(page, "acme")

    @examples(max_examples=EXAMPLES, database=None, phases=[Phase.generate], suppress_health_check=SLOW)
    @given(query=st.dictionaries(st.sampled_from(QUERIES), TEXTS, max_size=4), part=TEXTS)
    def asked(query: dict[str, str], part: str) -> None:
        assert browser.get(f"{path}?{urlencode(query)}").status_code < 500
        if "{" in page.path:
            other = "/".join(quote(part, safe="") if one.startswith("{") else one for one in page.path.split("/"))
            assert browser.get(other).status_code < 500

    asked()
