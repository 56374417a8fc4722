"""HTTP to one ServiceTitan tenant: credentials, tokens, pacing, retrying, paging, errors.

What can be asked for is in catalogue/.
Nothing is re-exported: import from the module that has it.
No storing (landing/), no registry of tenants (tenants/).
"""
