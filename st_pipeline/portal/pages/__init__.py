"""The pages, one module per group. Each has ``PAGES``; routes.py collects them.

guards.py decides who can see what; formats.py puts figures into words.
"""
