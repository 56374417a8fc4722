"""The legacy tables against a reference in plain Python, and the SQL functions against Python's own."""
