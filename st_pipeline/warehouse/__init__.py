"""Landed files -> tables of schema raw: what the tables look like, how rows get in, what is marked gone, what adds up.

Does not belong here: fetching and typing (landing/), what is built from raw (the dbt project).
"""
