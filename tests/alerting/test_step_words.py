"""step_words.py: an alert tells of the portal first, and of the command for those who have none."""

from __future__ import annotations

from st_pipeline.alerting.step_words import alert_words
from st_pipeline.steps.step import Do, Step


def test_an_alert_names_the_button_and_the_command() -> None:
    assert alert_words([Step(Do.SYNC)], "acme") == "Click Sync now in the portal, or run st-pipeline sync acme."
