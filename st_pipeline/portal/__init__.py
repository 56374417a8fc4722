"""The web application for operators and clients: it shows what ``control`` says, and writes rows that others act on.

Never Dagster: a row is the message. Where a rule is decided (what is due, what is wrong, what a field may hold) is in
the rooms to its left.
"""
