"""What happened: syncs, their entities, calls, logs and usage, and how long that is kept."""
