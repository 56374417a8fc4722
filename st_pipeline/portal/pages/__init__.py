"""The pages, one module a group. Each has ``PAGES``; routes.py puts them together.

What may be seen by whom is guards.py's; texts for people about figures are in formats.py.
"""
