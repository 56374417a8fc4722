"""HTTP for one ServiceTitan tenant: credentials, tokens, pacing, retries, paging, errors.

catalogue/ has the endpoints. Nothing is re-exported: import from the module itself. Storage is in landing/, the tenant
registry in tenants/.
"""
