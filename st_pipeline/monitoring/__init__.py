"""What happened: the history of syncs and calls. Later what is due and who is told."""
