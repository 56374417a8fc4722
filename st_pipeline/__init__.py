"""ServiceTitan to Postgres for many tenants; the rooms are named in README.md."""
