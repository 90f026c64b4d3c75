"""How much a recording may hold, and how much of that the x-ray may take."""

import time

START, PER_SECOND = 256 * 1024, 3 * 1024  # a first snapshot of everything, then what changes


class Budget:
    """Bytes and seconds of one recording."""

    def __init__(self, most_bytes: int, most_seconds: float, used: int, began: float) -> None:
        self.most_bytes, self.most_seconds = most_bytes, most_seconds
        self.used, self.began = used, began
        self.xray, self.filled = float(START), time.monotonic()

    def at(self) -> float:
        """Seconds since the recording began, by the clock that no restart sets back to zero."""
        return max(0.0, time.time() - self.began)

    def why_stop(self) -> str:
        """ "full", "time" or nothing."""
        if self.used >= self.most_bytes:
            return "full"
        return "time" if self.at() >= self.most_seconds else ""

    def take(self, size: int) -> bool:
        """Room for a terminal's line?"""
        if self.used + size > self.most_bytes:
            self.used = self.most_bytes
            return False
        self.used += size
        return True

    def xray_may(self) -> bool:
        """May the x-ray write now? It pays afterwards, so that one large change delays those that follow."""
        now = time.monotonic()
        self.xray = min(START, self.xray + (now - self.filled) * PER_SECOND)
        self.filled = now
        return self.xray > 0

    def take_xray(self, size: int) -> bool:
        """Room for an observation? Three quarters are the most that observations may fill."""
        if self.used + size > self.most_bytes * 3 // 4:
            return False
        self.xray -= size
        self.used += size
        return True
