"""Alembic's environment. It uses the connection that postgres.migrate passes in."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="schema_version",
    version_table_schema="control",
)
with context.begin_transaction():
    context.run_migrations()
