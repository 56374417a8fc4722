"""The command line, ``st-pipeline``: a thin layer over the other packages, with one module per group of commands.

- ``context``: opens what commands work on; ``errors``: shows failures; ``output``: shows results;
- ``entry``: reads secrets and files that the user provides;
- ``tenants``: manages the tenant registry.
"""
