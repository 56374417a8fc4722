from __future__ import annotations

from typing import Any

import pytest

from st_pipeline.servicetitan.catalogue.corrections import Corrections


def endpoint(**more: Any) -> dict[str, Any]:
    plain = {
        "path": "/p",
        "entity": "e",
        "record": "R",
        "always": {},
        "needs": [],
        "key": ["id"],
        "max_page_size": 5000,
    }
    return plain | {"first_page": 1} | more


def fields() -> list[dict[str, Any]]:
    return [
        {"path": ["id"], "type": "bigint"},
        {"path": ["total"], "type": "text"},
        {"path": ["a", "b"], "type": "text"},
    ]


def test_types_change_by_record_and_name() -> None:
    entry = {"records": ["R"], "fields": ["total", "a.b"], "type": "numeric", "reason": "r"}
    records = {"R": fields(), "Other": fields()}
    Corrections({"type": [entry]}).apply([], records)
    assert [field["type"] for field in records["R"]] == ["bigint", "numeric", "numeric"]
    assert records["Other"] == fields()


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"R\.missing"):
        Corrections({"type": [{"records": ["R"], "fields": ["missing"], "type": "numeric"}]}).apply([], {"R": fields()})


def test_names_keys_pages_and_needs_change_by_path_or_record() -> None:
    corrections = Corrections(
        {
            "name": [{"path": "/p", "entity": "better"}],
            "key": [{"records": ["R"], "key": []}],
            "page": [{"path": "/p", "max_page_size": 500, "first_page": 0}],
            "needs": [{"path": "/p", "parameters": ["ids"]}],
        }
    )
    one, other = endpoint(), endpoint(path="/q", record="Q")
    corrections.apply([one, other], {})
    assert one == endpoint(entity="better", key=[], max_page_size=500, first_page=0, needs=["ids"])
    assert other == endpoint(path="/q", record="Q")
    assert not corrections.unused()


def test_parameters_that_are_always_sent_are_no_longer_needed() -> None:
    one = endpoint(needs=["activeOnly", "id"], always={"sort": "+Id"})
    Corrections({"always": [{"path": "/p", "parameters": {"activeOnly": "false"}}]}).apply([one], {})
    assert one["always"] == {"sort": "+Id", "activeOnly": "false"}
    assert one["needs"] == ["id"]


def test_entries_that_match_nothing_are_named() -> None:
    corrections = Corrections({"name": [{"path": "/gone", "entity": "e"}], "key": [{"records": ["Gone"], "key": []}]})
    corrections.apply([endpoint()], {})
    assert corrections.unused() == ["[[name]] /gone", "[[key]] ['Gone']"]


def test_every_shipped_entry_has_a_reason() -> None:
    entries = [entry for group in Corrections.shipped()._entries.values() for entry in group]
    assert len(entries) > 20
    assert all(len(entry["reason"]) > 20 for entry in entries)
