"""The heartbeat: a call to an outside monitor while the daemon runs, so the monitor notices when it stops."""

from __future__ import annotations

import requests

from st_pipeline.alerting.channels import mute
from st_pipeline.secret import Secret
from st_pipeline.servicetitan.connections import BoundedAdapter
from st_pipeline.servicetitan.limits import Limits, TooLarge

# A sensor has one minute, and alerts come first.
LIMITS = Limits(connect_seconds=3.0, read_seconds=3.0, total_seconds=6.0)


def beat(url: Secret | None) -> bool:
    """Call ``url`` once; returns whether the response was a success. Never raises: the next beat is in a minute."""
    if url is None:
        return False
    timeouts = (LIMITS.connect_seconds, LIMITS.read_seconds)
    with mute(), requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, BoundedAdapter(LIMITS))
        try:
            with session.get(url.reveal(), timeout=timeouts, allow_redirects=False, stream=True) as response:
                return response.ok
        except (requests.RequestException, TooLarge, ValueError, OSError):
            return False
