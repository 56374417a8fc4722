"""The data a sandbox tenant holds: a plan from a seed, and every entity written from the plan.

No HTTP here. ``records.py`` is the door: shelves of serialised records by entity.
"""
