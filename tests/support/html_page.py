"""Parsed HTML pages: queries for elements, attributes and text."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "img", "input", "br", "link", "rect", "line"}


@dataclass
class Element:
    """An element with its content."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Find descendants by tag and attributes; class_ matches any one of several classes."""
        wanted = attributes.pop("class_", None)
        found = []
        for child in self.children:
            if isinstance(child, Element):
                matches = tag in ("", child.tag)
                matches &= wanted is None or wanted in child.attributes.get("class", "").split()
                matches &= attributes.items() <= child.attributes.items()
                found += [child] if matches else []
                found += child.all(tag, **attributes, **({"class_": wanted} if wanted else {}))
        return found

    @property
    def text(self) -> str:
        """Text content with whitespace collapsed to single spaces."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {n: v or "" for n, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        opened = self._open.pop()
        assert opened.tag == tag, f"<{opened.tag}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parse(page: bytes) -> Element:
    """Parse a page; every element must be closed properly."""
    parser = _Parser()
    parser.feed(page.decode())
    parser.close()
    assert parser._open == [parser.root]
    return parser.root


def assert_self_contained(page: bytes) -> None:
    """Check that a page loads nothing and that its policy allows only its own style and script."""
    root = parse(page)
    (policy,) = root.all("meta", **{"http-equiv": "Content-Security-Policy"})
    (style,), (script,) = root.all("style"), root.all("script")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.attributes["content"].split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'{_sha256(style)}'",
        "script-src": f"'{_sha256(script)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for element in root.all():
        for name, value in element.attributes.items():
            assert name != "style", f"<{element.tag}> has a style of its own, which is forbidden"
            assert not name.startswith("on"), f"<{element.tag}> has a script of its own"
            if name in ("src", "href", "srcset", "action", "data"):
                assert value.startswith(("data:image/", "#")), f"{element.tag} loads {value[:80]}"
    assert "url(" not in style.text
    assert "@import" not in style.text


def _sha256(element: Element) -> str:
    (text,) = element.children
    assert isinstance(text, str)
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
