"""A class types while its servers die at random."""

from __future__ import annotations

import pytest

from tests import chaos
from tests.labsite.stack import reason_not_to_run, running_site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(reason_not_to_run()), reason=str(reason_not_to_run()))]


async def test_more_than_99_of_100_round_trips_come_back():
    """F-34: Six students, three minutes, a death every seven seconds: no command is lost, and nothing is left on the node."""
    with running_site() as site:
        tally = await chaos.run(site, seconds=180, students=6, every=7)

    assert len(tally.deaths) >= 15
    assert tally.tried > 600 and tally.rate > 0.99, tally
    assert tally.left == []
