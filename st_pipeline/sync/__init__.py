"""Sync a tenant: land, load, and mark deletions for several entities in parallel. Plain code that Dagster calls."""
