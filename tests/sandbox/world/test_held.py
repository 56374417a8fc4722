"""sandbox/world/held.py: one tenant's data as the API serves it at a moment."""

from __future__ import annotations

import json
import threading

import pytest

from st_pipeline.sandbox import Account, Sandbox, Size, World, instants
from st_pipeline.sandbox.endpoints import entities
from st_pipeline.sandbox.shelf import Row
from st_pipeline.sandbox.world.held import INVOICES
from st_pipeline.sandbox.world.records import ITEMS
from tests.sandbox.conftest import NOW

CUSTOMERS = "crm_customers"


class Moment:
    """A sandbox's time and its share of spoilt records, set by hand."""

    def __init__(self) -> None:
        self.now = instants.from_datetime(NOW)
        self.share = 0.0
        account = Account(1, "c", "s", "k", size=Size(customers=20, invoices=30))
        self.world = World(account, lambda: self.now, lambda: self.share, threading.RLock())


@pytest.fixture
def moment() -> Moment:
    return Moment()


def version(moment: Moment, record_id: int, **members: object) -> Row:
    body = json.dumps({"id": record_id, **members}).encode()
    return Row(record_id, body, moment.now, moment.now, True)


def test_there_are_as_many_customers_and_invoices_as_requested() -> None:
    account = Account(1, "c", "s", "k", size=Size(customers=37, invoices=53, items_per_invoice=2))
    with Sandbox([account], now=NOW) as sandbox:
        counts = sandbox.world(1).counts()
        assert (counts["crm_customers"], counts["accounting_invoices"]) == (37, 53)
        assert counts["accounting_invoice_items"] == 106


def test_one_seed_gives_the_same_bytes_each_time_and_the_same_ids_to_other_people() -> None:
    def made(tenant_id: int, seed: int) -> dict[str, list[bytes]]:
        account = Account(tenant_id, "c", "s", "k", seed=seed, size=Size(customers=50, invoices=60))
        with Sandbox([account], now=NOW) as sandbox:
            return {one.name: sandbox.world(tenant_id).served(one.name) for one in entities()}

    first, again, twin, other = made(1, 7), made(1, 7), made(2, 7), made(1, 8)
    assert first == again
    assert first != other
    for name in ("crm_customers", "accounting_invoices", "jpm_jobs", "accounting_payments"):
        ids = [sorted(json.loads(body)["id"] for body in served[name]) for served in (first, twin)]
        assert ids[0] == ids[1]
    names = [[json.loads(body)["name"] for body in served["crm_customers"]] for served in (first, twin)]
    assert names[0] != names[1]


def test_entities_are_the_same_in_whatever_order_they_are_read() -> None:
    served = []
    names = [one.name for one in entities()]
    for order in (names, names[::-1]):
        with Sandbox([Account(1, "c", "s", "k", size=Size(customers=20, invoices=30))], now=NOW) as sandbox:
            for name in order:
                sandbox.world(1).count(name)
            served.append({name: sandbox.world(1).served(name) for name in names})
    assert served[0] == served[1]


def test_an_unknown_entity_is_a_key_error(moment: Moment) -> None:
    for ask in (moment.world.shelf, moment.world.count, moment.world.served):
        with pytest.raises(KeyError):
            ask("crm_nothing")


def test_a_record_is_shown_in_exports_once_it_is_visible_and_in_the_present_state_at_once(moment: Moment) -> None:
    world = moment.world
    before = world.count(CUSTOMERS)
    world.put(CUSTOMERS, version(moment, 1, name="new"), moment.now + 10)
    assert world.count(CUSTOMERS) == before
    assert world.count(CUSTOMERS, recent=True) == before + 1
    moment.now += 10
    assert world.records(CUSTOMERS)[-1] == {"id": 1, "name": "new"}


def test_no_record_becomes_visible_in_the_past(moment: Moment) -> None:
    moment.world.put(CUSTOMERS, version(moment, 1, name="new"), 0)
    shelf = moment.world.shelf(CUSTOMERS)
    assert shelf.visible[shelf.latest[1]] == moment.now


def test_a_removed_record_is_gone_without_a_trace(moment: Moment) -> None:
    world = moment.world
    gone = world.records(CUSTOMERS)[0]["id"]
    before = world.count(CUSTOMERS)
    assert world.remove(CUSTOMERS, gone)
    assert not world.remove(CUSTOMERS, gone)
    for recent in (False, True):
        assert gone not in [record["id"] for record in world.records(CUSTOMERS, recent=recent)]
    assert world.count(CUSTOMERS) == before - 1


@pytest.mark.parametrize("change", ["put", "remove"])
def test_the_items_are_those_of_the_first_invoices_whatever_happens_to_one_before_they_were_asked_for(
    change: str,
) -> None:
    plain, changed = Moment(), Moment()
    invoice = changed.world.records(INVOICES)[0]["id"]
    if change == "put":
        changed.world.put(INVOICES, version(changed, invoice, items=[]), changed.now)
    else:
        changed.world.remove(INVOICES, invoice)
    assert changed.world.served(ITEMS) == plain.world.served(ITEMS)


def test_what_the_plan_gained_before_an_entity_was_asked_for_is_not_made_twice(moment: Moment) -> None:
    """What is added later is committed by whoever adds it (changing.py)."""
    moment.world.plan.add_customer(moment.now)
    assert moment.world.count(CUSTOMERS) == 20


def test_a_share_of_records_is_spoilt_always_the_same_ones_and_without_it_none(moment: Moment) -> None:
    world = moment.world
    clean = world.served(CUSTOMERS)
    assert world.defects(CUSTOMERS) == {}
    moment.share = 0.5
    spoilt = world.defects(CUSTOMERS)
    assert 0 < len(spoilt) < 20
    assert set(spoilt.values()) <= {"field", "whole"}
    assert world.served(CUSTOMERS) == world.served(CUSTOMERS)
    changed = sum(one != other for one, other in zip(clean, world.served(CUSTOMERS), strict=True))
    assert changed == len(spoilt)
    assert world.served(CUSTOMERS, defects=False) == clean
    assert world.records(CUSTOMERS) == [json.loads(body) for body in clean]
    moment.share = 1.0
    assert len(world.defects(CUSTOMERS)) == 20


def test_counts_are_of_every_entity(moment: Moment) -> None:
    assert moment.world.counts() == {one.name: len(moment.world.records(one.name)) for one in entities()}
