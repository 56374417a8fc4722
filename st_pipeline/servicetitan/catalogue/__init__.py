"""Every GET export and list endpoint of the API as data.

- ``model``: what an endpoint and a field are;
- ``loading``: ``entities()``, ``endpoint(entity)``, ``endpoints()``;
- ``assets``: which entities this project brings to Postgres, and which of them the legacy tables cannot do without;
- ``modules/*.json``: the data, written by ``python -m st_pipeline.servicetitan.catalogue.generate <folder>``;
- ``corrections.toml``: what the published documents get wrong, kept by hand, with reasons.

Nothing is re-exported: import from the module that has it.
"""
