"""The API of the comparison: measure now, and let a race begin."""

from typing import Any

from django.http import HttpRequest

from labsite.labs import comparing, gateway, race
from labsite.labs.api.endpoint import body
from labsite.labs.api.finding import find_lab
from labsite.labs.api.problems import ProblemError

REFUSED = {
    "room": (409, "the node has no room for so many machines beside those of others"),
    "rest": (429, f"wait {race.REST} seconds between two races"),
    "busy": (429, "another race is on; wait until it is over"),
}


def show_compare(request: HttpRequest, code: str) -> dict[str, Any]:
    """A container, a virtual machine and the host, row by row, measured now; and the lab's last race."""
    lab = find_lab(request, code)
    try:
        return comparing.compare(lab) | {"race": race.last(lab), "most": race.MOST}
    except gateway.GatewayError as error:
        raise ProblemError(503, error.detail["code"], error.detail["message"]) from error


def start_race(request: HttpRequest, code: str) -> tuple[dict[str, Any], int]:
    """Start `{"containers": n, "vms": n}` at the same moment; the times come on the control socket."""
    lab = find_lab(request, code)
    wanted = body(request)
    counts = {kind: _number(wanted, f"{kind}s", most) for kind, most in race.MOST.items()}
    if not any(counts.values()):
        raise ProblemError(400, "bad-number", "containers and vms are both 0: nothing would start")
    try:
        return {"race": race.ask(lab, counts)}, 202
    except race.RaceRefused as refused:
        status, words = REFUSED[refused.code]
        raise ProblemError(status, f"race-{refused.code}", words) from refused


def _number(wanted: dict[str, Any], name: str, most: int) -> int:
    number = wanted.get(name, 0)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        raise ProblemError(400, "bad-number", f"{name} must be a whole number from 0 to {most}")
    return number
