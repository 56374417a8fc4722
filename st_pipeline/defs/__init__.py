"""Every Dagster definition, thin: get, call, report. The work is in the rooms beside this one."""
