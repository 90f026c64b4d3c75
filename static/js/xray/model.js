/* What the host's kernel says about each machine, kept up to date by differences.

   The document is described in docs/xray.md. A difference fits one version only; one that does not
   fit is refused, and the feed asks for the whole again. Nothing here touches the page. */

const KEPT_SECONDS = 120; // the charts' span
const FRESH_MS = 2500; // how long a new object is drawn as new

export class Machine {
  constructor(name) {
    this.name = name;
    this.backend = "container";
    this.status = "";
    this.forget();
  }

  forget() {
    this.seen = null;
    this.before = null;
    this.history = [];
    this.fresh = new Map();
    this.trouble = "";
  }

  snapshot(observation) {
    this.forget();
    this.seen = observation;
    this.remember();
  }

  /** Apply a difference; false when it does not start from what is here. */
  change({ epoch, from, to, time, truncated, patch }) {
    if (!this.seen || epoch !== this.seen.epoch || from !== this.seen.version) return false;
    this.before = { time: this.seen.time, links: this.seen.links };
    const next = { ...this.seen, version: to, time, truncated };
    for (const [name, part] of Object.entries(patch)) next[name] = this.patched(name, this.seen[name], part);
    this.seen = next;
    this.trouble = "";
    this.remember();
    return true;
  }

  patched(name, collection, { added = {}, changed = {}, removed = [] }) {
    const next = { ...collection, ...added };
    for (const id of removed) delete next[id];
    for (const [id, fields] of Object.entries(changed)) next[id] = { ...next[id], ...fields };
    const now = performance.now();
    for (const id of Object.keys(added)) this.fresh.set(`${name} ${id}`, now);
    return next;
  }

  isFresh(collection, id) {
    const since = this.fresh.get(`${collection} ${id}`);
    return since !== undefined && performance.now() - since < FRESH_MS;
  }

  /** One sample of every group's counters, for the charts. */
  remember() {
    const { time, cgroups } = this.seen;
    this.history.push({ time, groups: merged(cgroups) });
    while (this.history[0].time < time - KEPT_SECONDS) this.history.shift();
    const old = performance.now() - FRESH_MS;
    for (const [key, since] of this.fresh) if (since < old) this.fresh.delete(key);
  }

  all(collection) {
    return Object.entries(this.seen?.[collection] ?? {}).map(([id, object]) => ({ id, ...object }));
  }

  get(collection, id) {
    const object = this.seen?.[collection]?.[id];
    return object && { id, ...object };
  }
}

/* Version 1 has a hierarchy for each controller, with the same paths in each: for a reader one
   group is one path. Counters of different controllers have different names and do not collide. */
export function merged(cgroups) {
  const groups = new Map();
  for (const group of Object.values(cgroups ?? {})) {
    const whole = groups.get(group.path) ?? { path: group.path, hierarchies: [], processes: 0, frozen: false, delegated: false, limits: {}, usage: {}, events: {}, pressure: {}, files: {} };
    whole.hierarchies.push(group.hierarchy);
    whole.processes = Math.max(whole.processes, group.processes);
    whole.frozen ||= group.frozen;
    whole.delegated ||= group.delegated;
    for (const part of ["limits", "usage", "events", "pressure", "files"]) Object.assign(whole[part], group[part]);
    groups.set(group.path, whole);
  }
  return groups;
}

export class Model {
  constructor() {
    this.machines = new Map();
  }

  /** The machines of the lab as the server lists them; others are forgotten. */
  listed(machines) {
    const names = new Set(machines.map((machine) => machine.name));
    for (const name of this.machines.keys()) if (!names.has(name)) this.machines.delete(name);
    for (const { name, backend, status } of machines) Object.assign(this.machine(name), { backend, status });
  }

  machine(name) {
    if (!this.machines.has(name)) this.machines.set(name, new Machine(name));
    return this.machines.get(name);
  }
}
