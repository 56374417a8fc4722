"""Every response matches the published OpenAPI documents. Awkward data is off, because it violates them on purpose."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from st_pipeline.sandbox import Sandbox, Size
from st_pipeline.sandbox.endpoints import Entity, entities, routes
from tests.sandbox.caller import Caller
from tests.sandbox.conftest import ACCOUNT, NOW

FOLDER = Path(__file__).parents[3] / "shared" / "servicetitan" / "openapi"
TIDY = dataclasses.replace(ACCOUNT, size=Size(customers=150, invoices=200, awkward=False))
SPARSE = dataclasses.replace(
    ACCOUNT, tenant_id=1003, client_id="cid.s", size=dataclasses.replace(TIDY.size, sparse=True)
)
ENDPOINTS = [(one, export) for one, export in routes().values()]
IDS = [f"{'export' if export else 'list'} {one.name}" for one, export in ENDPOINTS]

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the OpenAPI documents are not next to the project")


@cache
def document(module: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{module}-v2.json").read_text())


def operation(one: Entity, export: bool) -> dict[str, Any]:
    path = f"/tenant/{{tenant}}/{'export/' if export else ''}{one.resource}"
    return document(one.module)["paths"][path]["get"]


@cache
def validator(module: str, reference: str) -> Draft202012Validator:
    registry = Registry().with_resource("doc:", Resource.from_contents(document(module), DRAFT202012))
    return Draft202012Validator({"$ref": f"doc:{reference}"}, registry=registry)


@pytest.fixture(scope="module")
def tidy() -> Iterator[Sandbox]:
    with Sandbox([TIDY, SPARSE], page_size=5_000, now=NOW, calls_per_second=10_000) as sandbox:
        sandbox.change(1001, seed=4, edits=60, inactivations=20, additions=12, late=4)
        sandbox.advance(900)
        yield sandbox


@pytest.mark.parametrize(("one", "export"), ENDPOINTS, ids=IDS)
@pytest.mark.parametrize("account", [TIDY, SPARSE], ids=["tidy", "sparse"])
def test_a_response_matches_its_document(tidy: Sandbox, account: Any, one: Entity, export: bool) -> None:
    everything = {"pageSize": "5000", "includeTotal": "true", "createdOnOrAfter": "2000-01-01", "active": "Any"}
    with Caller(tidy, account) as caller:
        body = caller.authorize().get(caller.path(one.name, export=export), None if export else everything).json()
    assert body["data"]
    schema = operation(one, export)["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    problems = [f"{e.json_path}: {e.message[:200]}" for e in validator(one.module, schema).iter_errors(body)]
    assert problems == []


@pytest.mark.parametrize(("one", "export"), ENDPOINTS, ids=IDS)
def test_an_endpoint_has_the_scope_and_the_parameters_of_its_document(one: Entity, export: bool) -> None:
    documented = operation(one, export)
    assert {"oauth": [one.scope]}.items() <= documented["security"][0].items()
    names = {parameter["name"] for parameter in documented["parameters"] if parameter["in"] == "query"}
    if export:
        assert one.export_active == ("active" in names)
        assert names - {"active"} == {"from", "includeRecentChanges"}
        return
    assert names >= set(one.filters)
    assert names >= {"page", "pageSize", "includeTotal"}
    assert (one.activity or "none") in names | {"none"}
    assert bool(one.activity) == bool({"active", "activeState"} & names)
    assert bool(one.sort) == ("sort" in names)
    assert bool(one.order_by) == ("orderBy" in names)
    assert one.ids == ("ids" in names)


def test_an_error_matches_the_documented_envelope(tidy: Sandbox) -> None:
    with Caller(tidy, TIDY) as caller:
        body = caller.authorize().get("/crm/v2/tenant/1001/customers", {"sort": "-completedOn"}).json()
    assert list(validator("crm", "#/components/schemas/ApiErrorResponse").iter_errors(body)) == []


def test_entities_without_a_list_have_none_in_the_documents() -> None:
    for one in entities():
        paths = document(one.module)["paths"]
        assert one.listed == (f"/tenant/{{tenant}}/{one.resource}" in paths)
        assert one.export == (f"/tenant/{{tenant}}/export/{one.resource}" in paths)
