"""tenants/errors.py: errors grouped by the next step, and what their messages and fields say."""

from __future__ import annotations

import pytest

from st_pipeline.steps.advised_error import AdvisedError, problem_of, steps_of
from st_pipeline.steps.step import Do, Step
from st_pipeline.tenants import errors
from st_pipeline.tenants.errors import (
    CredentialsMissing,
    FieldInvalid,
    TenantExists,
    TenantsError,
    VaultError,
    VaultKeyInvalid,
    VaultLocked,
)

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TenantsError)]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_one_that_commands_and_pages_catch(kind: type[TenantsError]) -> None:
    assert issubclass(kind, AdvisedError)
    assert kind.__name__ in (errors.__doc__ or ""), "the module's overview lists every error"


@pytest.mark.parametrize("kind", [VaultKeyInvalid, VaultLocked])
def test_a_problem_with_keys_is_caught_as_one(kind: type[VaultError]) -> None:
    assert issubclass(kind, VaultError)
    assert not issubclass(CredentialsMissing, VaultError)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FieldInvalid("key", "is taken"), "key is taken"),
        (FieldInvalid("key", "is taken", suggestion="acme-2"), "key is taken; try acme-2"),
        (FieldInvalid("key", "is taken", tenant="acme", suggestion="acme-2"), "tenant acme: key is taken; try acme-2"),
    ],
)
def test_an_invalid_field_is_named_with_what_is_expected_of_it(error: FieldInvalid, message: str) -> None:
    assert str(error) == message


def test_an_invalid_field_of_a_tenant_keeps_everything_else() -> None:
    error = FieldInvalid("cadence", "must be nightly", suggestion="nightly", is_malformed=True)
    named = error.of_tenant("acme")
    assert str(named) == f"tenant acme: {error}"
    assert (error.tenant, named.tenant) == (None, "acme")
    for name in ("field", "expected", "suggestion", "is_malformed"):
        assert getattr(named, name) == getattr(error, name)


@pytest.mark.parametrize(
    ("is_key", "message"), [(True, "tenant acme already exists"), (False, "tenant acme: already exists")]
)
def test_a_taken_key_and_a_taken_account_are_told_apart(is_key: bool, message: str) -> None:
    error = TenantExists("already exists", "acme", is_key=is_key)
    assert (str(error), error.said, error.is_key) == (message, "already exists", is_key)


def test_an_error_with_steps_says_them_as_commands_for_its_tenant() -> None:
    error = CredentialsMissing("tenant acme has no credentials", Step(Do.ENTER_CREDENTIALS), tenant="acme")
    assert problem_of(error) == "tenant acme has no credentials"
    assert steps_of(error) == (Step(Do.ENTER_CREDENTIALS),)
    assert str(error).startswith("tenant acme has no credentials. ")
    assert "st-pipeline tenants rotate acme" in str(error)
