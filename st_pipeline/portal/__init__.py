"""The web application for operators and clients: it shows the rows in ``control`` and writes rows that others act on.

It never calls Dagster: a row is the message. The packages to its left decide what is due, what is wrong, and what a
field may contain.
"""
