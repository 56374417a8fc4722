"""How fast data gets from the API into typed Postgres tables, measured against the fastest tool that does the same.

``python -m benchmarks`` runs it; README.md says what is measured and how. The product imports nothing from here.
"""
