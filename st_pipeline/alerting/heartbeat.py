"""The heartbeat: a call to an outside monitor while the daemon runs, so the monitor notices when it stops."""

from __future__ import annotations

import requests

from st_pipeline.alerting.channels import mute
from st_pipeline.secret import Secret

SECONDS = (3.0, 3.0)  # seconds to connect, and to wait for the response


def beat(url: Secret | None) -> bool:
    """Call ``url`` once; returns whether the response was a success. Never raises: the next beat is in a minute."""
    if url is None:
        return False
    with mute():
        try:
            with requests.get(url.reveal(), timeout=SECONDS, allow_redirects=False, stream=True) as response:
                return response.ok
        except (requests.RequestException, ValueError, OSError):
            return False
