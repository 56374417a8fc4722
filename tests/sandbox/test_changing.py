import pytest

from st_pipeline.sandbox import Sandbox
from st_pipeline.sandbox.changing import EDITABLE
from tests.sandbox.conftest import ACCOUNT, NOW

PAST_WINDOW = 900


def by_id(sandbox: Sandbox, name: str, *, recent: bool = False) -> dict[int, dict[str, object]]:
    return {record["id"]: record for record in sandbox.world(1001).records(name, recent=recent)}


def test_edits_move_modified_on_and_a_few_stay_older_than_others(sandbox: Sandbox) -> None:
    before = {name: by_id(sandbox, name) for name in EDITABLE}
    done = sandbox.change(1001, seed=1, edits=120)
    assert set(done.edits) == set(EDITABLE)
    moments = []
    for name, ids in done.edits.items():
        now = by_id(sandbox, name, recent=True)
        for record_id in ids:
            assert str(now[record_id]["modifiedOn"]) > str(before[name][record_id]["modifiedOn"])
            moments.append(str(now[record_id]["modifiedOn"]))
    assert 0 < sum(moment < "2026-02" for moment in moments) < len(moments) / 3
    assert {name: by_id(sandbox, name) for name in EDITABLE} == before
    sandbox.advance(PAST_WINDOW)
    assert all(by_id(sandbox, name) == by_id(sandbox, name, recent=True) for name in EDITABLE)


def test_a_contacts_edit_leaves_its_customer_alone(sandbox: Sandbox) -> None:
    customers = sandbox.world(1001).served("crm_customers", recent=True)
    sandbox.change(1001, seed=1, edits=30, entities=["crm_customer_contacts"])
    assert sandbox.world(1001).served("crm_customers", recent=True) == customers


def test_an_edited_item_is_the_same_in_its_invoice_and_in_its_own_export(sandbox: Sandbox) -> None:
    before = by_id(sandbox, "accounting_invoice_items")
    sandbox.change(1001, seed=3, edits=40, entities=["accounting_invoices"])
    sandbox.advance(PAST_WINDOW)
    items = by_id(sandbox, "accounting_invoice_items")
    assert items != before
    for invoice in sandbox.world(1001).records("accounting_invoices"):
        for item in invoice["items"]:
            assert item.items() <= items[item["id"]].items()


def test_inactivations_set_active_to_false_and_merge_some_customers(sandbox: Sandbox) -> None:
    done = sandbox.change(1001, seed=2, inactivations=40, entities=["crm_customers"])
    sandbox.advance(PAST_WINDOW)
    customers = by_id(sandbox, "crm_customers")
    touched = [customers[record_id] for record_id in done.inactivations["crm_customers"]]
    assert all(record["active"] is False for record in touched)
    merged = [record["mergedToId"] for record in touched if record.get("mergedToId")]
    assert merged
    assert set(merged) <= set(customers)


def test_additions_are_complete_families_and_half_of_them_share_one_modified_on(sandbox: Sandbox) -> None:
    counts = sandbox.world(1001).counts()
    done = sandbox.change(1001, seed=2, additions=16)
    sandbox.advance(PAST_WINDOW)
    world = sandbox.world(1001)
    for name, ids in done.additions.items():
        assert world.count(name) == counts[name] + len(ids)
    assert len(done.additions["accounting_invoices"]) == 12
    assert len(done.additions["crm_customers"]) == len(done.additions["crm_locations"]) == 4
    invoices, jobs = by_id(sandbox, "accounting_invoices"), by_id(sandbox, "jpm_jobs")
    added = [invoices[record_id] for record_id in done.additions["accounting_invoices"]]
    assert sum(record["modifiedOn"] == "2026-03-01T12:00:00Z" for record in added) == 8
    assert {record["job"]["id"] for record in added} == set(done.additions["jpm_jobs"]) <= set(jobs)  # type: ignore[index]


def test_entities_first_read_after_a_change_contain_it_once(sandbox: Sandbox) -> None:
    done = sandbox.change(1001, seed=2, additions=8, late=4)
    sandbox.advance(PAST_WINDOW)
    world = sandbox.world(1001)
    with Sandbox([ACCOUNT], now=NOW) as untouched:
        for name, count in untouched.world(1001).counts().items():
            added = len(done.additions.get(name, [])) + len(done.late.get(name, []))
            assert world.count(name) == count + added


def test_the_same_seed_makes_the_same_changes() -> None:
    served = []
    for _ in range(2):
        with Sandbox([ACCOUNT], now=NOW) as sandbox:
            sandbox.change(1001, seed=6, edits=20, inactivations=5, additions=6, late=2)
            sandbox.advance(PAST_WINDOW)
            served.append([sandbox.world(1001).served(name) for name in EDITABLE])
    assert served[0] == served[1]


def test_records_that_are_not_objects_are_skipped(sandbox: Sandbox) -> None:
    for record in sandbox.world(1001).records("settings_tag_types"):
        sandbox.delete(1001, "settings_tag_types", record["id"])
    sandbox.commit(1001, "settings_tag_types", b'"oops"')
    done = sandbox.change(1001, seed=1, edits=3, inactivations=3, entities=["settings_tag_types"])
    assert (done.edits, done.inactivations) == ({}, {})


def test_an_unknown_entity_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError, match="crm_nonsense"):
        sandbox.change(1001, seed=1, edits=1, entities=["crm_nonsense"])
