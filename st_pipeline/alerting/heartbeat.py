"""The heartbeat: an outside call while the daemon runs, so that an outside monitor notices when it stops."""

from __future__ import annotations

import requests

from st_pipeline.alerting.channels import mute
from st_pipeline.secret import Secret

SECONDS = (3.0, 3.0)  # to connect, and for the answer


def beat(url: Secret | None) -> bool:
    """Ask ``url`` once; whether it answered well. Raises nothing: the next beat comes in a minute."""
    if url is None:
        return False
    with mute():
        try:
            with requests.get(url.reveal(), timeout=SECONDS, allow_redirects=False, stream=True) as response:
                return response.ok
        except (requests.RequestException, ValueError, OSError):
            return False
