"""ServiceTitan to Postgres for many tenants; README.md describes the packages."""

import os

# Arrow chooses its allocator when it is imported, which is after this. Its default allocator keeps freed memory, and so
# a sync's peak. This is Arrow's own variable, not one of our settings; sync/memory.py has the rest.
os.environ.update(ARROW_DEFAULT_MEMORY_POOL="system")
