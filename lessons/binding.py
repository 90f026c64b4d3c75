"""Binding: a copy of a lesson in which every `%{name}` of every text has its value."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

from lessons import variables

HTML_FIELDS = {"html", "solution_html", "intro_html", "question", "feedback"}
UNBOUND_FIELDS = {"vars", "path", "slug", "course", "files", "machines"}


def bind(element: Any, values: dict[str, str]) -> Any:
    """Copy an element with the values put into every text it holds."""
    changes = {
        item.name: _field(item.name, getattr(element, item.name), values)
        for item in fields(element)
        if item.name not in UNBOUND_FIELDS
    }
    return replace(element, **changes)


def _field(name: str, value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str):
        return variables.substitute(value, values, html=name in HTML_FIELDS) if "%{" in value else value
    if isinstance(value, tuple):
        return tuple(_field(name, item, values) for item in value)
    return bind(value, values) if is_dataclass(value) else value
