"""dagster_ui.py: Dagster's own web application in our process. gate.py decides who gets to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from st_pipeline.dagster_ui import open_dagster_ui
from st_pipeline.postgres import Database

LAUNCH = """
mutation {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "st_pipeline", repositoryName: "__repository__", jobName: "build_marts"}
    runConfigData: "{resources: {dbt: {config: {dbt_executable: /bin/sh}}}}"
  }) {
    __typename
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


@pytest.fixture(scope="module")
def client(warehouse: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        patch.setenv("ST_PIPELINE_HOME", str(home))
        patch.setenv("ST_PIPELINE_DSN", warehouse.url().reveal())
        with open_dagster_ui() as app:
            yield TestClient(app)


def test_it_is_the_whole_ui_with_our_definitions(client: TestClient) -> None:
    assert "__NEXT_DATA__" in client.get("/assets").text
    answer = client.post("/graphql", json={"query": "{assetNodes {assetKey {path}}}"}).json()
    assert ["raw", "crm_customers"] in [node["assetKey"]["path"] for node in answer["data"]["assetNodes"]]


def test_a_run_that_names_a_program_is_refused(client: TestClient) -> None:
    launched = client.post("/graphql", json={"query": LAUNCH}).json()["data"]["launchRun"]
    assert launched["__typename"] == "RunConfigValidationInvalid"
    assert "dbt_executable" in launched["errors"][0]["message"]
