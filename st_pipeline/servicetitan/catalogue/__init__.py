"""Every GET export and list endpoint of the API, as data.

- ``model``: the shapes of an endpoint and a field;
- ``lookup``: ``entities()``, ``endpoint(entity)``, ``endpoints()``;
- ``assets``: the entities this project syncs to Postgres, and which ones the legacy tables require;
- ``modules/*.json``: the data, written by ``python -m st_pipeline.servicetitan.catalogue.generate <folder>``;
- ``corrections.toml``: errors in the published documents, corrected by hand, with reasons.

Nothing is re-exported: import from the module itself.
"""
