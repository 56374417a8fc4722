"""The history of syncs, with their entities, API calls, logs and usage, and its retention."""
