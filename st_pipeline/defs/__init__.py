"""Every Dagster definition. Each one is thin: get, call, report. The work is done in the sibling packages."""
