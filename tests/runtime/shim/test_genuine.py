"""Whether a program is still the image's own is seen from outside, whatever is done inside."""

from __future__ import annotations

import pytest

from lessons.trust import RELIED_ON
from tests.runtime.node import needs_node

pytestmark = needs_node
GREP = "/usr/bin/grep"


def test_a_fresh_sandbox_has_replaced_nothing(box):
    """Nor has one that adds programs, changes others, and makes ten thousand files."""
    box.exec(
        ["sh", "-c", "cp /bin/true /usr/bin/mine; echo x > /root/grep; cd /tmp; seq 10000 | xargs touch; echo >> /etc/hosts"]
    )

    assert [] == box.replaced(RELIED_ON)


@pytest.mark.parametrize(
    "command",
    [
        "cp /bin/true /usr/bin/grep",
        "rm /usr/bin/grep",
        "mv /usr/bin/grep /root/; cp /bin/true /usr/bin/grep; touch -d 1970-01-01 /usr/bin/grep",
        "ln -sf /bin/true /usr/bin/grep",
        "mount --bind /bin/true /usr/bin/grep",
        "cp -a /usr/bin /root/bin && mount --bind /root/bin /usr/bin",
        "cp -a /usr/bin /root/bin && PATH=/root/bin && rm -r /usr/bin && mkdir /usr/bin && cp /root/bin/true /usr/bin/grep",
        "cp -a /usr/bin /root/bin && PATH=/root/bin && rm -r /usr/bin && ln -s /root/bin /usr/bin",
    ],
)
def test_every_way_to_replace_one_is_seen(box, command):
    """Written over, deleted, linked, mounted over; or the whole directory."""
    done = box.exec(["sh", "-c", command])

    assert (0, True) == (done.code, bool({GREP, "/usr/bin"} & set(box.replaced(["/usr/bin", GREP])))), done.stderr
