"""dlt's own environment, pinned by requirements-dlt.txt and created when missing or out of date."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements-dlt.txt"
ENVIRONMENT = HERE / ".venv-dlt"


def python() -> Path:
    """The interpreter of dlt's environment.

    Raises:
        subprocess.CalledProcessError: it could not be created; uv printed why.
    """
    interpreter = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT], check=True)
        install = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(interpreter), str(REQUIREMENTS)]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return interpreter
