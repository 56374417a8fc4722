"""A short list of phrases stays out of everything people read. CONTRIBUTING.md says how to write."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from st_pipeline.settings import PROJECT_ROOT

# They read like a translation. The replacement depends on the sentence: "automatically", "again", "anyone who".
PHRASES = (
    "anew",
    "are asked for",
    "by itself",
    "by themselves",
    "is asked for",
    "it is so already",
    "made up for",
    "mend",
    "mended",
    "mends",
    "nobody",
    "of now",
    "somebody's doing",
    "so long they",
    "told of",
    "was asked for",
    "what came of it",
    "whoever",
    "will not do",
    "without a word",
)
# Packages whose Python still has some of them. Rewrite their sentences, then remove them; never add one. The SQL of
# migrations never changes, so they stay.
NOT_YET = frozenset({"migrations"})
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "DECISIONS.md", "CHANGELOG.md", ".env.example")
_FOUND = re.compile(
    r"\b("
    + "|".join(re.escape(phrase).replace(r"\ ", r"[\s#]+") for phrase in sorted(PHRASES, key=len, reverse=True))
    + r")\b",
    re.IGNORECASE,
)


def readable() -> list[Path]:
    """Every file with sentences that people read."""
    ours = PROJECT_ROOT / "st_pipeline"
    code = (path for path in ours.rglob("*.py") if path.relative_to(ours).parts[0].removesuffix(".py") not in NOT_YET)
    templates = (PROJECT_ROOT / "st_pipeline").rglob("*.html")
    models = (path for path in (PROJECT_ROOT / "dbt_project").rglob("*.yml") if "target" not in path.parts)
    return sorted([*code, *templates, *models, *(PROJECT_ROOT / name for name in DOCUMENTS)])


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts in a file that people read, each with its first line number."""
    text = path.read_text()
    if path.suffix == ".py":
        yield from _strings(text)
        yield from _comments(text)
    elif path.suffix == ".html":
        yield from _Shown.of(text)
    else:
        yield 1, text


def found(path: Path) -> list[str]:
    """``name:line: phrase`` for each phrase in a file."""
    return [
        f"{path.name}:{line + text.count(chr(10), 0, match.start())}: {' '.join(match[0].split())}"
        for line, text in texts(path)
        for match in _FOUND.finditer(text)
    ]


def _strings(text: str) -> Iterator[tuple[int, str]]:
    """String literals, including docstrings and the fixed parts of f-strings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Comments; consecutive comment lines are one text, because a phrase may wrap."""
    begun: int | None = None
    lines: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if begun is not None and token.start[0] == begun + len(lines):
            lines.append(token.string)
            continue
        if begun is not None:
            yield begun, "\n".join(lines)
        begun, lines = token.start[0], [token.string]
    if begun is not None:
        yield begun, "\n".join(lines)


class _Shown(HTMLParser):
    """What a template shows: its text and the visible or spoken attributes; expressions keep their strings."""

    SHOWN = frozenset({"alt", "aria-label", "content", "placeholder", "title", "value", "data-confirm"})

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[int, str]] = []

    @classmethod
    def of(cls, text: str) -> list[tuple[int, str]]:
        parser = cls()
        parser.feed(text)
        parser.close()
        return parser.shown

    def handle_data(self, data: str) -> None:
        self.shown.append((self.getpos()[0], data))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shown += [(self.getpos()[0], value) for name, value in attrs if value and name in self.SHOWN]


@pytest.mark.parametrize("path", readable(), ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_no_listed_phrase_is_in_what_people_read(path: Path) -> None:
    phrases = found(path)
    assert not phrases, f"say it in plain English in {path.relative_to(PROJECT_ROOT)}:\n" + "\n".join(phrases)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.py", '"""Made\nanew."""\nname = f"{1} comes by itself"\n', ["2: anew", "3: by itself"]),
        ("a.py", "x = 1\n# It comes by\n# itself.\n", ["2: by # itself"]),
        ("a.py", "whoever = commend = renewed = 1\n", []),
        ("a.html", '<p>It comes\n by\n itself.</p><a href="/anew" title="Nobody">x</a>', ["2: by itself", "3: Nobody"]),
        ("a.yml", "one: two\ndescription: Whoever reads it.\n", ["2: Whoever"]),
    ],
)
def test_a_phrase_is_found_with_its_line(tmp_path: Path, name: str, text: str, lines: list[str]) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert found(path) == [f"{name}:{line}" for line in lines]
