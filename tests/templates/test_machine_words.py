"""Words that scripts put together from a code: each code that the server may send has its sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labsite.labs import comparing, race
from labsite.labs.api import comparison

ROOT = Path(__file__).resolve().parents[2]
CODES = {
    "vm-why": ["works", "absent", "forbidden", "useless"],
    "vm-ended": ["off", "restarted", "panic", "killed"],
    "compare": [*comparing.ROWS, "column-container", "column-vm", "column-host"],
    "race": [*comparison.REFUSED, *race.MOST, *(f"{kind}s" for kind in race.MOST), *(f"median-{kind}" for kind in race.MOST)],
    "xray-guest": ["namespaces", "layers"],
}


@pytest.mark.parametrize(("head", "code"), [(head, code) for head, codes in CODES.items() for code in codes])
def test_every_code_has_its_words(head, code):
    """No page shows the name of a sentence in the place of the sentence."""
    pages = "".join(path.read_text() for path in (ROOT / "templates/includes").glob("*strings.html"))

    assert re.search(rf'data-key="{head}-{code}">\{{% translate "[^"]+" %\}}', pages)
