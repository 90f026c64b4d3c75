"""What the format has and this version of the site does not, with the words an author reads.

A lesson that asks for such a thing is refused when it is read: a button that does nothing
would be found by a learner, and not by the author. Whoever builds the thing takes its line out.
"""

import os

MISSING: dict[str, str] = {}
OFF = "network: internet is off on this server; the operator can allow networks by VITRINE_EGRESS (none or lab do without)"


def lack(feature: str) -> str | None:
    """Why a feature cannot be used, or None. The internet is the operator's to give."""
    if feature == "internet" and os.environ.get("VITRINE_EGRESS", "").strip() in ("", "off"):
        return OFF
    return MISSING.get(feature)
