"""Architecture conventions as tests: imports, which package may import Dagster, mirrored tests, short modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import st_pipeline

ROOT = Path(st_pipeline.__file__).parent
# Data flows right: a package imports only itself and packages to its left.
ROOMS = (
    "visible",
    "log_lines",
    "secret",
    "secret_file",
    "steps",
    "locks",
    "settings",
    "private_home",
    "database",
    "embedded_place",
    "embedded_postgres",
    "postgres",
    "servicetitan",
    "tenants",
    "landing",
    "warehouse",
    "schedule",
    "history",
    "rules",
    "alerting",
    "overview",
    "sync",
    "dbt",
    "dagster_home",
    "operations",
    "portal",
    "failures",
    "resources",
    "defs",
    "definitions",
    "dagster_ui",
    "cli",
)
KNOWS_DAGSTER = {"defs", "definitions", "resources", "failures", "dagster_ui"}
# Left of everything: it imports nothing of ours, and only the command line starts it.
SANDBOX = "sandbox"
# Run by alembic; imported by no other package.
MIGRATIONS = "migrations"
# local_runs.py builds the definitions it runs; the import is inside those functions.
KNOWN_BACKWARD = {("defs/local_runs.py", "definitions")}

MODULES = sorted(path for path in ROOT.rglob("*.py"))
LONGEST_MODULE = 250


def room_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "st_pipeline":
                yield from (f"st_pipeline.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_rooms_to_its_left(path: Path) -> None:
    room = room_of(path)
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("st_pipeline.")}
    if room == SANDBOX:
        assert ours <= {SANDBOX}, "the sandbox may not import the rest of the project"
    elif room in ("__init__", MIGRATIONS):
        assert not ours
    else:
        assert room in ROOMS, f"{room} is a new package: add it to the order in this test"
        allowed = set(ROOMS[: ROOMS.index(room) + 1]) | ({SANDBOX} if room == "cli" else set())
        backward = {other for other in ours - allowed if (str(path.relative_to(ROOT)), other) not in KNOWN_BACKWARD}
        assert not backward, f"{room} may not import {backward}: move what it needs to the left"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_dagster_layer_imports_dagster(path: Path) -> None:
    if room_of(path) not in KNOWS_DAGSTER:
        found = [name for name in imports(path) if name.split(".")[0] in ("dagster", "dagster_dbt")]
        assert not found, "do the work in plain code, and give Dagster a function to call"


def test_settings_alone_reads_the_environment() -> None:
    for path in MODULES:
        text = path.read_text()
        if path.name == "settings.py":
            continue
        for node in ast.walk(ast.parse(text)):
            reads = isinstance(node, ast.Attribute) and node.attr in ("getenv", "environ") and _is_read(node, text)
            assert not reads, f"{path.relative_to(ROOT)} reads the environment: read it in settings.py instead"


def _is_read(node: ast.Attribute, text: str) -> bool:
    """Passing the environment to a child process, or setting it for one, does not count as reading it."""
    line = text.splitlines()[node.lineno - 1]
    return "**os.environ" not in line and "os.environ.update(" not in line


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_lives_in_it(path: Path) -> None:
    if path.name == "__init__.py" and not path.read_text().strip():
        pytest.fail("an __init__ says what the package is for")
    assert ast.get_docstring(ast.parse(path.read_text())), (
        "start a module with a docstring: what goes here, and what does not"
    )


def mirror_of(path: Path) -> Path:
    """Where the tests of a module are: ``a/b.py`` has ``tests/a/test_b.py``."""
    relative = path.relative_to(ROOT)
    return Path(__file__).parent / relative.parent / f"test_{relative.name}"


def test_every_module_has_its_mirrored_test_file() -> None:
    named = [path for path in MODULES if path.name != "__init__.py" and room_of(path) != MIGRATIONS]
    missing = [path.relative_to(ROOT).as_posix() for path in named if not mirror_of(path).exists()]
    assert not missing, f"without tests of their own: {missing}; a/b.py is tested in tests/a/test_b.py"


def test_no_module_is_longer_than_the_limit() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in MODULES}
    too_long = [name for name, lines in lengths.items() if lines > LONGEST_MODULE]
    assert not too_long, f"over {LONGEST_MODULE} lines: {too_long}; a second noun means a second file"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Inside a room as well. Imports inside functions do not count: they run later."""
    names = {".".join(("st_pipeline", *path.relative_to(ROOT).with_suffix("").parts)): path for path in MODULES}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom) and node.module]
        wanted = {
            submodule if (submodule := f"{node.module}.{alias.name}") in names else node.module
            for node in found
            for alias in node.names
        }
        graph[name] = {other for other in wanted if other in names and other != name}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules
