"""Text that attacks who reads it: script, escape sequences, a mention, a formula, right-to-left marks."""

from __future__ import annotations

import re

TAG = "canary-tag"
SCRIPT = f"\"'><{TAG} onload=alert(1)></script><script>alert('{TAG}')</script><img src=x onerror=alert(1)>"
UNSEEN_TEXT = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u2066\u200b\u200f"
HOSTILE = f"=cmd() {UNSEEN_TEXT}<!channel> @everyone [red]x[/red] [here](https://evil.test)"
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def unseen(text: str) -> list[str]:
    """The characters in it that move or hide text; line feeds and tabs do not count."""
    return _UNSEEN.findall(text.replace("\r\n", "\n"))
