"""Figures and tables: minimum, median, percentile, ratio to ours."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

OURS = "vitrine"


@dataclass
class Series:
    """The measurements of one contender, in one unit."""

    name: str
    note: str = ""
    values: list[float] = field(default_factory=list)
    error: str = ""

    def percentile(self, percent: float) -> float:
        """The value below which so many per cent lie."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def summary(self) -> dict[str, object]:
        """The figures as plain data."""
        if not self.values:
            return {"name": self.name, "error": self.error or "nothing measured"}
        return {
            "name": self.name,
            "n": len(self.values),
            "min": min(self.values),
            "p50": self.median,
            "p95": self.percentile(95),
            "p99": self.percentile(99),
            "note": self.note,
        }


@dataclass
class Table:
    """One question and the answers of all contenders."""

    title: str
    unit: str
    series: list[Series]

    def ours(self) -> Series | None:
        """Our own series, if it was measured."""
        return next((one for one in self.series if one.name == OURS and one.values), None)

    def line(self, one: Series) -> str:
        """One contender's line; the ratio is theirs to ours."""
        if not one.values:
            return f"  {one.name:<12} not measured: {one.error}"
        ours = self.ours()
        ratio = f"{one.median / ours.median:8.2f}x" if ours and ours.median else f"{'-':>9}"
        figures = "".join(f"{value:10.2f}" for value in (min(one.values), one.median, one.percentile(95), one.percentile(99)))
        return f"  {one.name:<12}{figures}{ratio}  {one.note}"

    def text(self) -> str:
        """The table for a terminal."""
        head = f"{self.title} ({self.unit})\n  {'':<12}{'min':>10}{'p50':>10}{'p95':>10}{'p99':>10}{'to ours':>9}"
        return "\n".join([head, *map(self.line, self.series)])

    def summary(self) -> dict[str, object]:
        """The table as plain data."""
        return {"title": self.title, "unit": self.unit, "series": [one.summary() for one in self.series]}
