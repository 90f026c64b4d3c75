"""On the build machine nothing may be missing: there a test that skips has failed.

A skip elsewhere says what this machine lacks. In CI (CI or VITRINE_NEEDS=must in the environment)
the same lack would let a rule go untested for months, so it is an error with the same words.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest


def must() -> bool:
    """May nothing be missing here?"""
    return os.environ.get("VITRINE_NEEDS") == "must" or os.environ.get("CI", "").lower() not in ("", "0", "false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """A test that skipped, for whatever reason."""
    return _strictly((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """A whole file that skipped."""
    return _strictly((yield))


def _strictly(report: Any) -> Any:
    if report.skipped and must() and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"nothing may be missing here, yet this was skipped: {reason}"
    return report
