from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from st_pipeline.servicetitan.catalogue.generate import MODULES, changes, generate, main, rendered, served_by


def test_the_shipped_files_are_what_the_documents_and_corrections_give(documents: list[dict[str, Any]]) -> None:
    made = {name: rendered(module) for name, module in generate(documents).items()}
    shipped = {path.name: path.read_text("utf-8") for path in MODULES.glob("*.json")}
    assert made.keys() == shipped.keys()
    for name, text in made.items():
        assert text == shipped[name], f"{name} is out of date: run the generator"


def test_every_list_and_export_in_the_documents_is_in_the_catalog(documents: list[dict[str, Any]]) -> None:
    """Counted independently of the generator: a GET that returns an array, or an object with an array named data."""
    expected: set[str] = set()
    for document in documents:
        prefix = document["servers"][0]["url"].removeprefix("https://api.servicetitan.io")
        for path, item in document["paths"].items():
            content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
            text = json.dumps(content.get("application/json", {}).get("schema", {}))
            for name in re.findall(r"#/components/schemas/([^\"]+)", text):
                text += json.dumps(document["components"]["schemas"][name].get("properties", {}).get("data", {}))
            if re.search(r'"type": (\["array", "null"\]|"array")', text):
                expected.add(prefix + path)
    made = {endpoint["path"] for module in generate(documents).values() for endpoint in module["endpoints"]}
    assert made == expected
    assert len(made) == 226


def test_the_text_is_json_with_one_field_per_line() -> None:
    text = (MODULES / "crm.json").read_text("utf-8")
    module = json.loads(text)
    assert rendered(module) == text
    fields = [line for line in text.splitlines() if '"column"' in line]
    assert len(fields) == sum(map(len, module["records"].values()))


def test_running_it_again_changes_nothing_and_newer_documents_are_reported(
    documents_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = tmp_path / "documents", tmp_path / "modules"
    shutil.copytree(documents_folder, folder)
    shutil.copytree(MODULES, target)
    assert main([str(folder)], target=target) == 0
    assert capsys.readouterr().out == "24 modules, 226 endpoints\n"
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {p.name: p.read_bytes() for p in MODULES.iterdir()}

    crm = json.loads((folder / "crm-v2.json").read_text("utf-8"))
    properties = crm["components"]["schemas"]["Crm.V2.ExportCustomerResponse"]["properties"]
    properties["loyaltyPoints"] = {"type": "integer", "format": "int64"}
    properties["balance"] = {"type": "string"}
    del properties["merged" + "ToId"]
    (folder / "crm-v2.json").write_text(json.dumps(crm), "utf-8")
    (target / "retired.json").write_text('{"entities":{},"endpoints":[{"path":"/r"}],"records":{}}')
    assert main([str(folder)], target=target) == 0
    assert capsys.readouterr().out.splitlines() == [
        "+ Crm.V2.ExportCustomerResponse.loyaltyPoints",
        "- Crm.V2.ExportCustomerResponse.mergedToId",
        "~ Crm.V2.ExportCustomerResponse.balance: numeric -> text",
        "- GET /r",
        "24 modules, 226 endpoints",
    ]
    assert not (target / "retired.json").exists()
    assert '"column": "loyalty_points"' in (target / "crm.json").read_text("utf-8")


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path)], target=tmp_path)
    assert caught.value.code == 2


def test_corrections_that_match_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="match nothing"):
        generate([])


def _endpoint(path: str, kind: str, needs: list[str] | None = None) -> dict[str, Any]:
    return {"entity": "things", "path": path, "kind": kind, "needs": needs or []}


def test_an_export_serves_an_entity_before_its_lists() -> None:
    both = [_endpoint("/a", "list"), _endpoint("/b", "export"), _endpoint("/c", "list")]
    assert served_by(both) == {"things": "/b"}


def test_an_endpoint_that_needs_more_than_the_tenant_serves_no_entity() -> None:
    assert served_by([_endpoint("/a", "list", ["id"])]) == {}
    assert served_by([_endpoint("/a", "export", ["id"]), _endpoint("/b", "list")]) == {"things": "/b"}


def test_two_equivalent_endpoints_for_an_entity_are_rejected() -> None:
    with pytest.raises(ValueError, match="things is served by"):
        served_by([_endpoint("/a", "list"), _endpoint("/b", "list")])


def test_without_previous_files_everything_is_reported_as_added() -> None:
    module = json.loads((MODULES / "jbce.json").read_text("utf-8"))
    assert all(line.startswith("+ ") for line in changes(None, module))
    assert all(line.startswith("- ") for line in changes(module, None))
    assert changes(module, module) == []
