"""The OpenAPI documents, if they are next to the project; tests that read them are skipped otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DOCUMENTS = Path(__file__).parents[4] / "shared" / "servicetitan" / "openapi"


@pytest.fixture(scope="session")
def documents_folder() -> Path:
    if not DOCUMENTS.is_dir():
        pytest.skip(f"the OpenAPI documents are not at {DOCUMENTS}")
    return DOCUMENTS


@pytest.fixture(scope="session")
def documents(documents_folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(documents_folder.glob("*.json"))]
