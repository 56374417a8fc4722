"""ServiceTitan to Postgres for many tenants; the rooms are named in README.md."""

import os

# Arrow chooses its allocator when it is loaded, which is after this. Its default keeps what was freed, and a sync's
# peak with it. A setting of Arrow's own, not of ours; sync/memory.py has the rest.
os.environ.update(ARROW_DEFAULT_MEMORY_POOL="system")
