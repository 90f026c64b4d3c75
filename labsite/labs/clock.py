"""A clock that is set must not end labs, nor make them last for ever.

Rows hold times of the wall clock, because several processes and reboots share them. When somebody sets that
clock, or NTP steps it, every deadline moves by as much. CLOCK_BOOTTIME cannot be set, and counts while the
machine sleeps; so the difference of the two tells a step, and open labs are moved along with it.

See clock_gettime(2).
"""

import time
from datetime import timedelta

from django.core.cache import cache
from django.db.models import F

from labsite.labs.models import LabSession, Sandbox

LEAST = 30.0  # seconds; less is the clock being adjusted, and harms nobody
LABS = ("created_at", "active_at", "expires_at")
MACHINES = ("requested_at", "changed_at", "lease_until")


def offset() -> float:
    """How far the wall clock is ahead of the time since boot."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def stepped(boot: str) -> timedelta:
    """By how much the wall clock was set since this was last asked, on this boot; zero if it was not."""
    now, key = offset(), f"clock:{boot}"
    before = cache.get(key)
    cache.set(key, now, timeout=None)
    step = 0.0 if before is None else now - before
    return timedelta(seconds=step if abs(step) >= LEAST else 0.0)


def move_along(step: timedelta) -> int:
    """Shift the times of everything that is open; how many labs that were."""
    Sandbox.objects.filter(lab__ended_at=None).update(**{name: F(name) + step for name in MACHINES})
    return LabSession.objects.filter(ended_at=None).update(**{name: F(name) + step for name in LABS})
