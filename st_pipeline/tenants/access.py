"""From a tenant to a client that calls as that tenant: hosts of its environment, its credentials, the shared pace.

What a client can do is servicetitan/client.py.
"""

from __future__ import annotations

from st_pipeline.servicetitan.calls import CallLog
from st_pipeline.servicetitan.client import ServiceTitan
from st_pipeline.servicetitan.credentials import Credentials
from st_pipeline.servicetitan.environments import hosts
from st_pipeline.servicetitan.pacing import Pacer
from st_pipeline.servicetitan.retrying import RetryPolicy
from st_pipeline.servicetitan.transport import CONNECT_SECONDS, READ_SECONDS
from st_pipeline.settings import Settings, SettingsError
from st_pipeline.tenants.model import Tenant


def pacer(settings: Settings) -> Pacer:
    """The pace that everything on this home keeps together: checks, syncs, the portal."""
    return Pacer(settings.home / "pace")


def client(
    tenant: Tenant,
    credentials: Credentials,
    settings: Settings,
    *,
    retry: RetryPolicy | None = None,
    timeouts: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
    calls: CallLog | None = None,
) -> ServiceTitan:
    """A client for one tenant, to be closed by the caller; nothing is asked for yet. Options: see ServiceTitan.

    Raises:
        SettingsError: ST_PIPELINE_SANDBOX_URL is no URL.
    """
    try:
        where = hosts(tenant.environment, settings.sandbox_url)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return ServiceTitan(
        tenant=tenant.key,
        tenant_id=tenant.tenant_id,
        credentials=credentials,
        hosts=where,
        pacer=pacer(settings),
        retry=retry,
        timeouts=timeouts,
        calls=calls,
    )
