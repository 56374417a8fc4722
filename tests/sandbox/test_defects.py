import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.sandbox import Sandbox, defects
from st_pipeline.sandbox.endpoints import entities

NAMES = [one.name for one in entities()]
NUMBERS = {"total", "balance", "quantity"}


def usable(record: Any) -> bool:
    """Whether a record is an object with an id that fits a bigint."""
    if not isinstance(record, dict):
        return False
    found = record.get("id")
    return isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**63


@given(st.sampled_from(NAMES), st.integers(1, 10**9))
def test_a_larger_share_includes_every_record_of_a_smaller_one(name: str, record_id: int) -> None:
    struck = [defects.strikes(share, name, record_id) for share in (0.0, 0.001, 0.1, 0.5, 1.0)]
    assert struck == sorted(struck)
    assert (struck[0], struck[-1]) == (False, True)


def test_about_the_requested_share_is_defective() -> None:
    struck = sum(defects.strikes(0.01, "accounting_invoices", n) for n in range(100_000))
    assert 850 < struck < 1150


def test_one_record_in_five_loses_its_id_and_the_others_lose_one_member(shared: Sandbox) -> None:
    whole = fields = 0
    for name in NAMES:
        for body in shared.world(1001).served(name):
            before = json.loads(body)
            after = json.loads(defects.spoil(name, before["id"], body))
            if defects.kind(name, before["id"]) == "whole":
                whole += 1
                assert not usable(after)
            else:
                fields += 1
                assert usable(after)
                changed = [member for member in before if after[member] != before[member]]
                assert len(changed) == 1
                assert list(after) == list(before)
    assert 0.15 < whole / (whole + fields) < 0.25


def test_every_way_of_losing_the_id_occurs(shared: Sandbox) -> None:
    seen = set()
    for body in shared.world(1001).served("accounting_invoice_items"):
        record_id = json.loads(body)["id"]
        if defects.kind("accounting_invoice_items", record_id) == "whole":
            after = json.loads(defects.spoil("accounting_invoice_items", record_id, body))
            seen.add(repr(after.get("id", "missing")) if isinstance(after, dict) else type(after).__name__)
    assert seen >= {"'missing'", "None", "'abc'", "12.75", "str", "list", "NoneType"}


def test_members_without_a_defect_keep_their_bytes() -> None:
    body = b'{"id":1,"soldHours":1.0000000000000000000,"modifiedOn":"2024-01-01T00:00:00Z","name":"\\u00e9"}'
    spoilt = [defects.spoil("jpm_jobs", n, body) for n in range(50) if defects.kind("jpm_jobs", n) == "field"]
    assert spoilt
    assert all(b'"soldHours":1.0000000000000000000' in one and b'"\\u00e9"' in one for one in spoilt)
