"""The data of a sandbox tenant: a plan from a seed, and every entity written from that plan.

No HTTP here. Start at ``held.py``: shelves of serialized records by entity.
"""
