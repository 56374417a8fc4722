"""Pages of verbatim records -> typed Parquet files and the ledger that says which of them exist.

Goes here: typing of records, files, cursors. Does not: HTTP (servicetitan/), tables of schema raw (warehouse/).
"""
