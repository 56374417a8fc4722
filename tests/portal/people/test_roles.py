"""portal/people/roles.py: what each role is allowed, and whose tenant a client sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st_pipeline.portal.people.roles import GRANTED, Actor, Permission, Role

# Written out a second time on purpose: a grant that is added must be added here too.
ALLOWED = {
    Role.OPERATOR: {
        "public", "own account", "own password", "see all", "administer", "see tenant", "sync", "connect", "schedule",
    },
    Role.VIEWER: {"public", "own account", "own password", "see all", "see tenant"},
    Role.CLIENT: {"public", "own account", "see tenant", "sync", "connect", "schedule"},
}  # fmt: skip


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: Role, permission: Permission) -> None:
    assert Actor("someone", role).may(permission) is (permission.value in ALLOWED[role])


def test_every_role_is_in_the_table_of_grants() -> None:
    assert set(GRANTED) == set(Role)


@given(st.text(), st.text())
def test_a_client_sees_its_own_tenant_alone(own: str, other: str) -> None:
    client = Actor("client", Role.CLIENT, invitation_id=1, tenant=own)
    assert client.sees(own)
    assert client.sees(other) is (own == other)


@given(st.text(), st.sampled_from([Role.OPERATOR, Role.VIEWER]))
def test_people_with_an_account_see_every_tenant(tenant: str, role: Role) -> None:
    assert Actor("someone", role, user_id=1).sees(tenant)


@pytest.mark.parametrize("name", ["", "Operator", "admin", "OPERATOR", "operator "])
def test_an_unknown_role_in_the_table_of_users_is_an_error_not_a_guess(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Role"):
        Role(name)
