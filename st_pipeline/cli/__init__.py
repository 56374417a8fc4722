"""The command line, ``st-pipeline``: thin, one module a group of commands, over the rooms to its left.

- ``context``: opening what commands work on; ``errors``: how failures are shown; ``output``: how results are;
- ``entry``: secrets and files that people give;
- ``tenants``: the registry of tenants.
"""
