"""The words of the format, for the editor to offer: taken from where the reader takes them."""

from lessons import fences, steps
from lessons.frontmatter import CHOICES, KEYS


def words() -> dict[str, list[str]]:
    """Front-matter keys and their values, directives, and what may stand in the braces of fences and directives."""
    choices = [f"{key}: {value}" for key, values in CHOICES.items() for value in values]
    attributes = set(fences.KINDS).union(*fences.KINDS.values(), *steps.DIRECTIVES.values())
    return {"keys": sorted(KEYS), "values": choices, "directives": sorted(steps.DIRECTIVES), "attributes": sorted(attributes)}
