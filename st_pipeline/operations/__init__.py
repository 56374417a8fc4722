"""What people do to a tenant, from the portal or the command line: each change and its audit row in one transaction."""
