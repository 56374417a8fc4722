"""Pages of verbatim records -> typed Parquet files, and the ledger of which files exist.

Here: typing of records, files, and cursors. Not here: HTTP (servicetitan/) or tables in schema raw (warehouse/).
"""
