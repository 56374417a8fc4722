import ast
from pathlib import Path

import pytest

import st_pipeline.sandbox
from st_pipeline.sandbox.endpoints import entities, entity, routes
from st_pipeline.sandbox.world.records import ITEMS, WRITERS

SOURCES = sorted(Path(st_pipeline.sandbox.__file__).parent.rglob("*.py"))


def test_every_entity_has_one_name_a_writer_and_a_route() -> None:
    names = [one.name for one in entities()]
    assert len(names) == len(set(names)) == 17
    assert set(names) == set(WRITERS) | {ITEMS}
    assert {one.name for one, _ in routes().values()} == set(names)
    assert len(routes()) == sum(one.export + one.listed for one in entities())


def test_an_unknown_entity_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="accounting_invoices"):
        entity("invoices")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_sandbox_imports_nothing_else_from_the_project(source: Path) -> None:
    tree = ast.parse(source.read_text())
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    ours = [module for module in modules if module.split(".")[0] == "st_pipeline"]
    assert all(module.startswith("st_pipeline.sandbox") for module in ours)
