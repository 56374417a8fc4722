"""Who the sandbox knows: one account is one app connected to one tenant, and how much data that tenant has.

Only the shapes live here: what the data looks like is world/, what an account may do is authorization.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Size:
    """How much data a tenant has.

    ``customers`` and ``invoices`` are exact counts; everything else follows from them. ``items_per_invoice``
    fixes the number of items of every invoice at 1 to 8 (none: 1 to 4, at random). ``awkward`` mixes in what the real
    API does against its documents: nulls, unknown enum values, new fields, untidy text. ``sparse`` leaves out every
    member that would be null, which halves the records.
    """

    customers: int = 200
    invoices: int = 300
    items_per_invoice: int | None = None
    business_units: int = 5
    technicians: int = 12
    awkward: bool = True
    sparse: bool = False


@dataclass(frozen=True)
class Account:
    """One app's access to one tenant, and the tenant's data.

    ``seed`` decides ids, links, dates and amounts; names and texts also depend on ``tenant_id``, so two
    accounts of one seed hold the same ids for different people. ``scopes`` None grants everything.
    An account that is not ``connected`` is refused by the token endpoint as an unknown client.
    """

    tenant_id: int
    client_id: str
    client_secret: str = field(repr=False)
    app_key: str = field(repr=False)
    seed: int = 7
    size: Size = Size()
    scopes: frozenset[str] | set[str] | None = None
    connected: bool = True
    name: str = ""


def demo_accounts(customers: int = 1_500, invoices: int = 4_000) -> tuple[Account, ...]:
    """Three accounts for development: two hold the same ids for different people, the third is not connected."""
    size = Size(customers=customers, invoices=invoices)
    return (
        _account(1001, 7, "Lone Star Plumbing", size),
        _account(1002, 7, "Bluebonnet Heating & Air", size),
        _account(1003, 11, "Hill Country Electric", size, connected=False),
    )


def spare_accounts(customers: int = 300, invoices: int = 800) -> tuple[Account, ...]:
    """Two small ones that are nobody's tenants, for people to connect by hand: one lets the app in, one not yet."""
    size = Size(customers=customers, invoices=invoices)
    return (
        _account(1004, 13, "Cedar Creek Air", size),
        _account(1005, 17, "Pecan Grove Plumbing", size, connected=False),
    )


def _account(tenant_id: int, seed: int, name: str, size: Size, *, connected: bool = True) -> Account:
    return Account(
        tenant_id=tenant_id,
        client_id=f"cid.sandbox{tenant_id}",
        client_secret=f"cs1.sandbox-secret-{tenant_id}",
        app_key="ak1.sandbox-app",
        seed=seed,
        size=size,
        connected=connected,
        name=name,
    )


DEMO_ACCOUNTS = demo_accounts()
