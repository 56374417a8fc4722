"""Accounts: one app connected to one tenant, and how much data that tenant has.

Data shapes only: world/ generates the data, authorization.py decides what an account may do.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Size:
    """How much data a tenant has.

    ``customers`` and ``invoices`` are exact counts; all other counts follow from them. ``items_per_invoice`` sets the
    number of items on every invoice, 1 to 8 (None: 1 to 4, at random). ``awkward`` adds what the real API sends against
    its own documents: nulls, unknown enum values, new fields, untidy text. ``sparse`` omits every member that would be
    null, which halves the size of the records.
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

    ``seed`` determines ids, links, dates and amounts; names and texts also depend on ``tenant_id``, so two accounts
    with the same seed have the same ids for different people. ``scopes`` None grants everything. If an account is not
    ``connected``, the token endpoint rejects it as an unknown client.
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
    """Three accounts for development: two share ids for different people; the third is not connected."""
    size = Size(customers=customers, invoices=invoices)
    return (
        _account(1001, 7, "Lone Star Plumbing", size),
        _account(1002, 7, "Bluebonnet Heating & Air", size),
        _account(1003, 11, "Hill Country Electric", size, connected=False),
    )


def spare_accounts(customers: int = 300, invoices: int = 800) -> tuple[Account, ...]:
    """Two small accounts with no tenant yet, to connect by hand: one has connected the app, the other has not."""
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
