"""Homes for tests: folders that the server's user may reach, removed with the run's (run_folder.py)."""

from __future__ import annotations

import tempfile
from pathlib import Path


def empty_home(name: str) -> Path:
    """A home where nothing was started yet."""
    home = Path(tempfile.mkdtemp(prefix=f"st-{name}-"))
    home.chmod(0o755)  # as root the server runs as another user, who must get in
    return home
