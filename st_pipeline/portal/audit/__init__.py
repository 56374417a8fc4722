"""Who did what to which tenant, and how to search it."""
