"""What the format has and this version of the site does not, with the words an author reads.

A lesson that asks for such a thing is refused when it is read: a button that does nothing
would be found by a learner, and not by the author. Whoever builds the thing takes its line out.
"""

MISSING = {
    "internet": "network: internet is not available in this version; labs have no way out (none or lab)",
}


def lack(feature: str) -> str | None:
    """Why a feature cannot be used, or None."""
    return MISSING.get(feature)
