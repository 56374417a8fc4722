import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from st_pipeline.sandbox import Sandbox, exporting
from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.exporting import Cursor
from st_pipeline.sandbox.shelf import EXPORT_DELAY, Position, Row, Shelf
from tests.sandbox.caller import Caller, raw_records
from tests.sandbox.conftest import ACCOUNT, NOW

EXPORTS = [one.name for one in entities() if one.export]
FUTURE = 10**18


def ids(records: list[Any]) -> list[int]:
    return [record["id"] for record in records]


@pytest.mark.parametrize("name", EXPORTS)
def test_paging_to_the_end_gives_every_record_once_in_the_order_of_modification(reader: Caller, name: str) -> None:
    pages, _ = reader.export(name)
    assert all(len(page) == 40 for page in pages[:-1])
    records = [record for page in pages for record in page]
    world = reader.sandbox.world(1001)
    assert records == world.records(name)
    assert len(set(ids(records))) == len(records) == world.count(name) > 0
    moments = [record["modifiedOn"] for record in records]
    assert [m[:19] for m in moments] == sorted(m[:19] for m in moments)


def test_the_same_call_gives_the_same_bytes(reader: Caller) -> None:
    path = reader.path("accounting_invoices", export=True)
    first, second = reader.get(path), reader.get(path)
    assert first.content == second.content
    assert raw_records(first) == reader.sandbox.world(1001).served("accounting_invoices")[:40]


def test_the_last_token_is_given_back_with_an_empty_page_until_something_becomes_visible(reader: Caller) -> None:
    _, last = reader.export("crm_customers")
    body = reader.get(reader.path("crm_customers", export=True), {"from": last}).json()
    assert body == {"hasMore": False, "continueFrom": last, "data": []}


def test_every_token_contains_plus_slash_and_equals_sign(reader: Caller) -> None:
    start, tokens = None, []
    while True:
        body = reader.get(reader.path("jpm_jobs", export=True), {"from": start} if start else None).json()
        start = body["continueFrom"]
        tokens.append(start)
        if not body["hasMore"]:
            break
    assert len(tokens) > 3
    assert all(set("+/=") <= set(token) for token in tokens)


def test_a_token_belongs_to_its_endpoint_and_its_tenant(reader: Caller) -> None:
    _, last = reader.export("crm_customers")
    assert "from" in reader.export_errors("crm_locations", **{"from": last})
    assert "from" in reader.export_errors("crm_customers", **{"from": last.swapcase()})


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", "AAAA", "2024-01-01T00:00:00 00:00"])
def test_a_start_that_is_neither_date_nor_token_is_refused(reader: Caller, value: str) -> None:
    errors = reader.export_errors("crm_customers", **{"from": value})
    assert errors == {"from": [f"The value '{value}' is not valid for From."]}


def test_a_date_starts_inclusively_at_modified_on(reader: Caller) -> None:
    everything = reader.exported("accounting_invoices")
    exact = everything[70]["modifiedOn"]
    got = reader.exported("accounting_invoices", exact)
    assert got == [record for record in everything if record["modifiedOn"] >= exact]
    assert reader.exported("accounting_invoices", "2020-01-01T05:00:00+05:00") == reader.exported(
        "accounting_invoices", "2020-01-01"
    )


def test_a_date_after_everything_gives_nothing_and_a_token_that_goes_on_from_there(reader: Caller) -> None:
    pages, token = reader.export("crm_customers", "2026-02-01")
    assert pages == [[]]
    assert reader.exported("crm_customers", token) == []


def test_a_change_appears_after_15_minutes_and_until_then_the_previous_version(
    sandbox: Sandbox, caller: Caller
) -> None:
    first = caller.exported("crm_customers")
    _, token = caller.export("crm_customers")
    sandbox.commit(1001, "crm_customers", {**first[0], "name": "New", "modifiedOn": "2026-03-01T12:00:00Z"})
    caller.wait(14 * 60 + 59)
    assert caller.exported("crm_customers", token) == []
    assert caller.exported("crm_customers") == first
    caller.wait(1)
    assert [record["name"] for record in caller.exported("crm_customers", token)] == ["New"]
    again = caller.exported("crm_customers")
    assert ids(again) == [*ids(first)[1:], first[0]["id"]]


def test_a_record_committed_late_with_an_old_modified_on_comes_after_the_stored_token(
    sandbox: Sandbox, caller: Caller
) -> None:
    known = caller.exported("accounting_invoices")
    _, token = caller.export("accounting_invoices")
    done = sandbox.change(1001, seed=5, late=3)
    caller.wait(900)
    late = caller.exported("accounting_invoices", token)
    assert ids(late) == done.late["accounting_invoices"]
    assert all(record["modifiedOn"] < "2026-03-01T11:25" for record in late)
    assert len(caller.exported("accounting_invoices")) == len(known) + 3


def test_late_commits_are_not_lost_after_a_start_by_date_either(sandbox: Sandbox, caller: Caller) -> None:
    _, token = caller.export("accounting_invoices", "2026-02-28")
    done = sandbox.change(1001, seed=5, late=2)
    old = {**sandbox.world(1001).records("accounting_invoices")[3], "id": 77, "modifiedOn": "2019-05-05T00:00:00Z"}
    sandbox.commit(1001, "accounting_invoices", old)
    caller.wait(900)
    got = ids(caller.exported("accounting_invoices", token))
    assert got == [*done.late["accounting_invoices"], 77]


def test_a_thousand_records_with_one_modified_on_committed_in_two_halves_all_arrive_once(
    sandbox: Sandbox, caller: Caller
) -> None:
    like = sandbox.world(1001).records("crm_customers")[0]
    _, token = caller.export("crm_customers")

    def commit(numbers: range) -> None:
        for n in numbers:
            sandbox.commit(
                1001, "crm_customers", {**like, "id": n, "modifiedOn": "2026-03-01T12:00:00.1234567Z"}, visible_at=NOW
            )

    commit(range(500))
    pages, token = caller.export("crm_customers", token)
    first = ids([record for page in pages for record in page])
    commit(range(500, 1000))
    assert first + ids(caller.exported("crm_customers", token)) == list(range(1000))


def test_recent_changes_come_at_once_when_asked_for_and_come_again_later(sandbox: Sandbox, caller: Caller) -> None:
    _, token = caller.export("jpm_jobs")
    done = sandbox.change(1001, seed=2, additions=60)
    added = done.additions["jpm_jobs"]
    assert len(added) > 40
    pages, after = caller.export("jpm_jobs", token, includeRecentChanges="true")
    assert sorted(ids([record for page in pages for record in page])) == sorted(added)
    assert caller.exported("jpm_jobs", after) == []
    again = caller.exported("jpm_jobs", after, includeRecentChanges="true")
    assert sorted(ids(again)) == sorted(added)
    caller.wait(900)
    assert sorted(ids(caller.exported("jpm_jobs", after))) == sorted(added)


def test_nothing_committed_while_recent_changes_are_paged_is_lost(sandbox: Sandbox, caller: Caller) -> None:
    _, token = caller.export("jpm_jobs")
    sandbox.change(1001, seed=2, additions=60)
    body = caller.get(caller.path("jpm_jobs", export=True), {"from": token, "includeRecentChanges": "true"}).json()
    assert body["hasMore"]
    job = {**sandbox.world(1001).records("jpm_jobs")[0], "id": 5}
    sandbox.commit(1001, "jpm_jobs", job, visible_at=NOW)
    _, after = caller.export("jpm_jobs", body["continueFrom"], includeRecentChanges="true")
    assert 5 in ids(caller.exported("jpm_jobs", after))


def test_a_silent_delete_leaves_no_trace(sandbox: Sandbox, caller: Caller) -> None:
    _, token = caller.export("crm_customer_contacts")
    gone = sandbox.world(1001).records("crm_customer_contacts")[7]["id"]
    assert sandbox.delete(1001, "crm_customer_contacts", gone)
    assert not sandbox.delete(1001, "crm_customer_contacts", gone)
    caller.wait(900)
    assert caller.exported("crm_customer_contacts", token) == []
    assert gone not in ids(caller.exported("crm_customer_contacts"))


def test_the_export_of_appointments_can_be_narrowed_to_active_ones(reader: Caller) -> None:
    everything = reader.exported("jpm_appointments")
    for value, wanted in (("True", True), ("False", False)):
        got = reader.exported("jpm_appointments", active=value)
        assert got == [record for record in everything if record["active"] is wanted]
        assert got
    assert "active" in reader.export_errors("jpm_appointments", active="yes")


def test_a_bad_value_for_recent_changes_is_refused(reader: Caller) -> None:
    assert "includeRecentChanges" in reader.export_errors("jpm_jobs", includeRecentChanges="1")


def test_page_sizes_can_differ_by_entity() -> None:
    sizes = {"crm_customers": 7, "*": 50}
    with Sandbox([ACCOUNT], page_size=sizes, now=NOW) as sandbox, Caller(sandbox, ACCOUNT) as caller:
        caller.authorize()
        assert len(caller.export("crm_customers")[0][0]) == 7
        assert len(caller.export("jpm_jobs")[0][0]) == 50


positions = st.builds(Position, st.integers(-(2**62), 2**62), st.integers(-1, 2**40))
cursors = st.builds(Cursor, positions, positions, st.none() | st.integers(0, 2**60))


@given(cursors, st.text())
def test_a_token_decodes_to_its_cursor_only_for_its_endpoint(cursor: Cursor, other: str) -> None:
    token = exporting.write_token("1/crm", cursor)
    assert set("+/=") <= set(token)
    assert exporting.read_token("1/crm", token) == cursor
    if other != "1/crm":
        assert exporting.read_token(other, token) is None


@given(st.text())
def test_arbitrary_text_is_not_accepted_as_a_token(text: str) -> None:
    assert exporting.read_token("1/crm", text) is None


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 40), st.booleans()), max_size=40),
    st.integers(1, 5),
    st.booleans(),
)
def test_a_reader_ends_with_everything_visible_however_commits_and_pages_alternate(
    steps: list[tuple[int, int, bool]], limit: int, recent: bool
) -> None:
    shelf, held, cursor, now = Shelf(()), {}, Cursor(), 0
    for record_id, delay, read in steps:
        now += 3
        body = f"{record_id}@{now}".encode()
        shelf.commit(Row(record_id, body, now, now, True), now + delay)
        if read:
            page = exporting.page(shelf, cursor, limit, now, recent=recent)
            held |= {shelf.ids[slot]: shelf.bodies[slot] for slot in page.slots}
            cursor = page.cursor
    # A run that ends with recent changes returns to the last certain record: the next run gets the rest.
    while True:
        page = exporting.page(shelf, cursor, limit, FUTURE)
        held |= {shelf.ids[slot]: shelf.bodies[slot] for slot in page.slots}
        if page.cursor == cursor:
            break
        cursor = page.cursor
    assert held == {shelf.ids[slot]: shelf.bodies[slot] for slot in shelf.latest.values()}


def test_the_delay_is_fifteen_minutes() -> None:
    assert dt.timedelta(microseconds=EXPORT_DELAY // 10) == dt.timedelta(minutes=15)
