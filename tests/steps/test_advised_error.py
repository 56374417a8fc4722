"""advised_error.py: an error says both what is wrong and what to do, and keeps them apart."""

from __future__ import annotations

from st_pipeline.steps.advised_error import AdvisedError, problem_of, steps_of
from st_pipeline.steps.step import Do, Step

STEP = Step(Do.ENABLE)


def test_an_error_reads_as_its_problem_and_its_steps() -> None:
    error = AdvisedError("acme is disabled", STEP, tenant="acme")
    assert str(error) == "acme is disabled. To turn its syncs back on, run st-pipeline tenants enable acme."
    assert (problem_of(error), steps_of(error)) == ("acme is disabled", (STEP,))


def test_any_other_error_is_its_first_line_or_its_type() -> None:
    assert problem_of(ValueError("no\nselect 1")) == "no"
    assert problem_of(ValueError()) == "ValueError"
    assert steps_of(ValueError("no")) == ()
