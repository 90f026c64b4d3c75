"""A lack that skips on a laptop fails in CI, with the same words."""

import os
import subprocess
import sys

import pytest

from tests.needs import ROOT

SKIPS = {
    "mark": 'import pytest\n@pytest.mark.skipif(True, reason="needs a moon")\ndef test_moon(): pass\n',
    "call": 'import pytest\ndef test_moon(): pytest.skip("needs a moon")\n',
    "file": 'import pytest\npytest.skip("needs a moon", allow_module_level=True)\n',
}


@pytest.mark.parametrize("how", SKIPS)
@pytest.mark.parametrize("environment, fails", [({"CI": "true"}, True), ({"VITRINE_NEEDS": "must"}, True), ({}, False)])
def test_a_skip_fails_where_nothing_may_be_missing(tmp_path, how, environment, fails):
    """However a test skips, the build machine counts it as failed and says what it needs."""
    file = tmp_path / "test_moon.py"
    file.write_text(SKIPS[how])
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "VITRINE_NEEDS")}
    options = ["-p", "tests.strict", "-p", "no:django", "-p", "no:cacheprovider", "-rs", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", *options, file]

    done = subprocess.run(command, cwd=ROOT, env=kept | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True, text=True)

    assert fails == (done.returncode in (1, 2))
    assert "needs a moon" in done.stdout
