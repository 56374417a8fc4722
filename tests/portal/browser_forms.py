"""The forms of a page as a browser sees them: where each goes, its fields, what each may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class SeenForm:
    """``fields``: name -> the options it offers; none where anything can be entered."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.found: list[SeenForm] = []
        self._open: SeenForm | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = SeenForm(given.get("action") or self.path, given.get("method", "get").lower())
            self.found.append(self._open)
        elif self._open and tag in ("input", "select", "textarea", "button") and given.get("name"):
            options = self._open.fields.setdefault(given["name"], [])
            if tag == "select":
                self._select = given["name"]
            elif tag == "button" or given.get("type") in ("hidden", "radio", "checkbox"):
                options.append(given.get("value", "on"))
        elif self._open and self._select and tag == "option":
            self._open.fields[self._select].append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None


def forms_of(html: str, path: str) -> list[SeenForm]:
    """All forms of the page at ``path``."""
    parser = _Forms(path)
    parser.feed(html)
    return parser.found
