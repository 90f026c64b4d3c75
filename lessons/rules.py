"""Rules for `yaml {check host}`: what must be true, as seen from outside the sandbox.

The root of a sandbox can replace every program a check would run inside. A host check
runs nothing: it compares facts the runtime reads in the host's /proc, where the learner
cannot reach. It is data and not code, so an author cannot run anything on the host either.

    - process: {uts: other}
      else: Every process still shares the machine's UTS namespace.
    - pass: Process {pid} has a UTS namespace of its own.

Rules are asked in order; the first that does not hold says its `else`. `other` and `same`
compare a namespace with the one of the sandbox's init. `comm`, `uid`, `hostname` and
`inside-pid` are plain facts, numbered as the sandbox numbers them; `mounted: /mnt` holds
for a process in whose mount namespace something is mounted there. `see:` and `unseen:` ask for
anything else that the x-ray sees (see `lessons.sights`).
"""

from typing import Any

import yaml

from lessons import sights
from lessons.contract import CheckResult, State
from lessons.suggest import near

NAMESPACES = ("uts", "pid", "mnt", "net", "ipc", "user", "cgroup", "time")
PROCESS_KEYS = {*NAMESPACES, "comm", "inside-pid", "hostname", "uid", "mounted"}
ASKING = ("process", "no-process", "see", "unseen")
RULE_KEYS = {*ASKING, "where", "else", "pass"}


def faults(source: str) -> list[str]:
    """Everything that is wrong with a text of rules."""
    try:
        rules = yaml.safe_load(source)
    except yaml.YAMLError as error:
        return [f"a host check is YAML: {error}"]
    if not isinstance(rules, list) or not rules or not all(isinstance(r, dict) for r in rules):
        return ["a host check is a list of rules"]
    found = [fault for rule in rules for fault in _rule_faults(rule)]
    if not any(set(ASKING) & rule.keys() for rule in rules):
        found.append("a host check that asks for nothing cannot fail")
    return found


def _rule_faults(rule: dict[str, Any]) -> list[str]:
    found = [f"unknown rule key {key!r}{near(key, RULE_KEYS)}" for key in rule if key not in RULE_KEYS]
    asked = [key for key in ASKING if key in rule]
    if len(asked) > 1:
        return [*found, f"a rule asks one thing, not {' and '.join(asked)}"]
    if not asked:
        return found if "pass" in rule else [*found, "a rule has process, no-process, see, unseen or pass"]
    if "else" not in rule:
        found.append("a rule says in `else` what is still missing")
    if asked[0] in ("see", "unseen"):
        return found + sights.faults(rule[asked[0]], rule.get("where"))
    return found + _process_faults(rule[asked[0]])


def _process_faults(wanted: Any) -> list[str]:
    if not isinstance(wanted, dict):
        return ["write process: {uts: other}"]
    strange = [key for key in wanted if key not in PROCESS_KEYS]
    found = [f"unknown fact {key!r} of a process{near(key, PROCESS_KEYS)}" for key in strange]
    bad = [key for key in NAMESPACES if wanted.get(key, "same") not in ("same", "other")]
    return found + [f"{key} is `same` or `other`" for key in bad]


def wants_sight(source: str) -> bool:
    """Does it ask for the whole observation? That costs more than the list of processes."""
    return any({"see", "unseen"} & rule.keys() for rule in yaml.safe_load(source))


def evaluate(source: str, facts: dict[str, Any], sight: dict[str, Any] | None = None) -> CheckResult:
    """Ask every rule of these facts, and of the x-ray's observation where a rule wants it."""
    processes = facts.get("processes") or []
    if not processes:
        return CheckResult(State.CANNOT_TELL, "", "no process was seen")
    init = _init(facts, processes)
    seen: dict[str, Any] = {}
    for rule in yaml.safe_load(source):
        match = _match(rule, facts, init, sight or {})
        asked = next((key for key in ASKING if key in rule), None)
        if asked and (match is None) == (asked in ("process", "see")):
            return CheckResult(State.NOT_YET, _filled(rule["else"], match or seen))
        seen = match or seen
        if "pass" in rule:
            return CheckResult(State.PASSED, _filled(rule["pass"], seen))
    return CheckResult(State.PASSED)


def _match(rule: dict[str, Any], facts: dict[str, Any], init: dict[str, Any], sight: dict[str, Any]) -> dict[str, Any] | None:
    """What the rule asks for, if it is there."""
    if collection := rule.get("see", rule.get("unseen")):
        return sights.first(sight, collection, rule["where"])
    return _first(facts, init, rule.get("process", rule.get("no-process", {})))


def _init(facts: dict[str, Any], processes: list[dict[str, Any]]) -> dict[str, Any]:
    """The sandbox's first process: named by the observer, else the oldest."""
    named = [p for p in processes if p["pid"] == facts.get("init_pid", facts.get("init"))]
    return (named or sorted(processes, key=lambda process: process["pid"]))[0]


def _first(facts: dict[str, Any], init: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The first process all wanted facts hold for; an empty wish matches none."""
    for process in facts["processes"] if wanted else ():
        if all(_holds(facts, process, init, key, value) for key, value in wanted.items()):
            return process
    return None


def _holds(facts: dict[str, Any], process: dict[str, Any], init: dict[str, Any], key: str, value: Any) -> bool:
    if key in NAMESPACES:
        mine, first = _namespace(process, key), _namespace(init, key)
        return mine is not None and (mine != first) == (value == "other")
    if key == "mounted":
        table = (facts.get("mounts") or {}).get(str(_namespace(process, "mnt"))) or ()
        return any(mount["target"] == value for mount in table)
    return bool(process.get(key.replace("-", "_")) == value)


def _namespace(process: dict[str, Any], kind: str) -> Any:
    """The identity of a namespace; a process that is going away has none."""
    return (process.get("ns") or {}).get(kind)


def _filled(text: str, process: dict[str, Any]) -> str:
    """Put {pid}, as the learner knows it, and {comm} into a message."""
    inside = (process.get("pids") or ["?"])[0]  # as the x-ray has it
    for key, value in {"pid": process.get("inside_pid", inside), "comm": process.get("comm", "?")}.items():
        text = text.replace("{" + key + "}", str(value))
    return text
