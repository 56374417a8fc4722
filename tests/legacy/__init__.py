"""The legacy tables compared with a reference in plain Python, and the SQL functions with Python's own."""
