"""Landed files -> tables in schema raw: table structure, loading, marking deletions, and row counts.

Not here: fetching and typing (landing/), or anything built from raw (the dbt project).
"""
