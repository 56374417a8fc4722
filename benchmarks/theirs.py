"""One run of dlt, in its own process and environment: the same two exports into typed tables on the same server.

Run by the benchmark as a script, ``theirs.py URL DSN VARIANT FOLDER``; prints one line of JSON. It imports nothing from
the product. README.md says how dlt was made fast.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

TENANT_ID = 1001
ARRAYS = {"invoices": ("items", "custom_fields"), "customers": ("custom_fields", "tag_type_ids", "external_data")}
_QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
_SETTINGS = {
    # Both resources are read in parallel; a page is one item to dlt.
    "EXTRACT__WORKERS": "4",
    # Its processes and threads divide files of this many rows.
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "DATA_WRITER__FILE_MAX_ITEMS": "20000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
    **_QUIET,
}


def main(url: str, dsn: str, variant: str, folder: str) -> None:
    """Run one pipeline from scratch, and print how long it took, in total and by step."""
    os.environ.update(_QUIET if variant == "rest-api" else _SETTINGS)
    import dlt  # pyright: ignore[reportMissingImports] - in an environment of its own
    from dlt.common.json import json as fast_json  # pyright: ignore[reportMissingImports] - orjson
    from dlt.sources.helpers import requests  # pyright: ignore[reportMissingImports]

    session = requests.Client().session
    body = {"grant_type": "client_credentials", "client_id": "cid.benchmark", "client_secret": "cs1.benchmark"}

    def pages(path: str) -> Iterator[list[dict[str, Any]]]:
        token = session.post(f"{url}/connect/token", data=body).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "ST-App-Key": "ak1.benchmark"}
        parameters: dict[str, str] = {}
        while True:
            page = fast_json.loadb(session.get(f"{url}/{path}", params=parameters, headers=headers).content)
            if page["data"]:
                yield page["data"]
            if not page["hasMore"]:
                return
            parameters = {"from": page["continueFrom"]}

    @dlt.source
    def servicetitan() -> Any:
        module = {"invoices": "accounting", "customers": "crm"}
        for name in ("invoices", "customers"):
            yield dlt.resource(
                pages(f"{module[name]}/v2/tenant/{TENANT_ID}/export/{name}"),
                name=name,
                primary_key="id",
                write_disposition="merge",
                parallelized=True,
                columns={} if variant == "csv-tables" else {array: {"data_type": "json"} for array in ARRAYS[name]},
            )

    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.postgres(dsn),
        dataset_name="dlt",
        pipelines_dir=folder,
    )
    seconds = {}
    began = time.perf_counter()
    source = _rest_api(url, session, body) if variant == "rest-api" else servicetitan()
    pipeline.extract(source, loader_file_format="parquet" if variant.startswith("parquet") else "csv")
    seconds["extract"] = time.perf_counter() - began
    pipeline.normalize()
    seconds["normalize"] = time.perf_counter() - began - seconds["extract"]
    pipeline.load(raise_on_failed_jobs=True)
    total = time.perf_counter() - began
    seconds["load"] = total - seconds["extract"] - seconds["normalize"]
    print(json.dumps({"seconds": total, "phases": seconds}))


def _rest_api(url: str, session: Any, body: dict[str, str]) -> Any:
    """The same exports through dlt's own REST source, as documented."""
    from dlt.sources.helpers.rest_client.paginators import (  # pyright: ignore[reportMissingImports]
        JSONResponseCursorPaginator,
    )
    from dlt.sources.rest_api import rest_api_source  # pyright: ignore[reportMissingImports]

    class Continued(JSONResponseCursorPaginator):
        """Every page has a token; ``hasMore`` ends an export."""

        def update_state(self, response: Any, data: Any = None) -> None:
            super().update_state(response, data)
            if not response.json()["hasMore"]:
                self._next_reference = None

    token = session.post(f"{url}/connect/token", data=body).json()["access_token"]
    module = {"invoices": "accounting", "customers": "crm"}
    return rest_api_source(
        {
            "client": {
                "base_url": url,
                "headers": {"Authorization": f"Bearer {token}", "ST-App-Key": "ak1.benchmark"},
                "paginator": Continued(cursor_path="continueFrom", cursor_param="from"),
            },
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {
                    "name": name,
                    "endpoint": {
                        "path": f"{module[name]}/v2/tenant/{TENANT_ID}/export/{name}",
                        "data_selector": "data",
                    },
                }
                for name in ("invoices", "customers")
            ],
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
