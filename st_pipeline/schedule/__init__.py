"""When each tenant is due: schedules, requested syncs, claims of runs, and builds of the reports."""
