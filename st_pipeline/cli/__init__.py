"""The command line, ``st-pipeline``: thin, one module a group of commands, over the rooms to its left.

- ``context``: opening what commands work on; ``errors``: how failures are shown;
- ``tenants``: the registry of tenants.
"""
