"""Bring a tenant up to date: land, load and mark, entity by entity side by side. Plain code; Dagster calls it."""
