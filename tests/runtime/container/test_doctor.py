"""doctor: it tries things, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from runtime.container import doctor
from tests import needs


@needs.root
def test_findings():
    """Each finding has a name of its own and says what its lack costs; nothing is left behind."""
    found = doctor.examine()

    assert len(found) == len({finding.name for finding in found})
    assert all(finding.cost and finding.detail for finding in found)
    assert [] == list(Path(tempfile.gettempdir()).glob("vitrine-doctor-*"))


@needs.root
def test_failure_is_reported():
    """What a check raises in its child becomes the detail of the finding."""

    def fail() -> None:
        raise OSError(1, "no luck")

    assert "no luck" in (doctor._try(fail) or "")
    assert doctor._try(lambda: None) is None
