"""An error that carries its next steps as data."""

from __future__ import annotations

from st_pipeline.steps.commands import with_commands
from st_pipeline.steps.step import Step


class AdvisedError(Exception):
    """``problem`` says what is wrong, ``steps`` what to do; ``str()`` says both, with commands."""

    def __init__(self, problem: str, *steps: Step, tenant: str = "") -> None:
        super().__init__(with_commands(problem, steps, tenant))
        self.problem = problem
        self.steps = steps


def problem_of(error: BaseException) -> str:
    """What is wrong, on one line. A database error also has the whole statement, which goes only to the log."""
    text = error.problem if isinstance(error, AdvisedError) else str(error)
    return (text or type(error).__name__).splitlines()[0]


def steps_of(error: BaseException) -> tuple[Step, ...]:
    """The steps that an error names; none if it names none."""
    return error.steps if isinstance(error, AdvisedError) else ()
