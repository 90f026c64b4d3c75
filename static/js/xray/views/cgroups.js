/* Control groups: the tree, and for each group what it may use, what it uses, and where the kernel
   had to hold it back. The charts cover two minutes; red marks are throttled periods and kills. */

import { html, nothing } from "../../../vendor/lit-html/lit-html.js";
import { repeat } from "../../../vendor/lit-html/directives/repeat.js";
import "../chart.js";
import { say } from "../../strings.js";
import { merged } from "../model.js";
import { same } from "../pick.js";
import { bytes, number } from "../words.js";

const MOST_GROUPS = 60;
const MOST_CHARTED = 12;

export const cgroups = { draw, table };

function rows(machine) {
  const groups = [...merged(machine.seen.cgroups).values()];
  return groups.sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, MOST_GROUPS).map((group) => ({ ...group, depth: group.path.split("/").filter(Boolean).length }));
}

/** Changes per second of a counter between samples; null where there is nothing to compare. */
function rates(history, path, part, name, scale = 1) {
  return history.map((sample, at) => {
    const now = sample.groups.get(path)?.[part][name];
    const before = history[at - 1]?.groups.get(path)?.[part][name];
    const span = at ? sample.time - history[at - 1].time : 0;
    return now === undefined || before === undefined || span <= 0 ? null : Math.max(0, (now - before) / span / scale);
  });
}

function levels(history, path, name) {
  return history.map((sample) => sample.groups.get(path)?.usage[name] ?? null);
}

/** The times at which one of the counters of events went up. */
function rises(history, path, names) {
  return history.filter((sample, at) => at && names.some((name) => (sample.groups.get(path)?.events[name] ?? 0) > (history[at - 1].groups.get(path)?.events[name] ?? 0))).map((sample) => sample.time);
}

function draw({ machine, selected }) {
  return html`<ul class="cgroup-tree">${repeat(rows(machine), (group) => group.path, (group, at) => drawGroup(group, at, machine, selected))}</ul>`;
}

function drawGroup(group, at, machine, selected) {
  const id = `${group.hierarchies[0]}:${group.path}`;
  const name = group.path === "/" ? machine.name : group.path.split("/").at(-1);
  return html`<li class="cgroup" data-depth=${Math.min(group.depth, 6)}>
    <button type="button" class="cgroup-name" data-pick="cgroups" data-id=${id} aria-current=${same(selected, { collection: "cgroups", id }) ? "true" : "false"}>
      <strong>${name}</strong> <span>${say("xray-group-processes", { n: number(group.processes) })}${group.frozen ? ` · ${say("xray-frozen")}` : ""}</span>
    </button>
    ${at < MOST_CHARTED ? html`<div class="charts">${charts(group, machine)}</div>` : nothing}
  </li>`;
}

function charts(group, machine) {
  return [cpu(group, machine), memory(group, machine), pids(group, machine), pressure(group)].filter(Boolean);
}

function figure(name, value, file, series) {
  return html`<figure class="chart"><figcaption><span>${name}</span> <b>${value}</b>${file ? html` <code>${file}</code>` : nothing}</figcaption><xray-chart .series=${series} aria-hidden="true"></xray-chart></figure>`;
}

/* On version 1 the limit and the account are two trees: a group may have the one without the other,
   and is held back all the same. Then its use is not known, but the marks are. */
function cpu(group, machine) {
  const counted = group.usage.cpu_us !== undefined;
  if (!counted && !group.events.cpu_periods) return null;
  const times = machine.history.map((sample) => sample.time);
  const values = rates(machine.history, group.path, "usage", "cpu_us", 1e6);
  const { cpu_quota_us: quota, cpu_period_us: period } = group.limits;
  const limit = quota ? quota / period : null;
  const percent = (share) => `${Math.round(100 * share)} %`;
  const used = counted ? percent(values.at(-1) ?? 0) : "–";
  const marks = rises(machine.history, group.path, ["cpu_throttled"]);
  const value = limit ? say("xray-of", { used, of: percent(limit) }) : used;
  const throttled = group.events.cpu_throttled ? ` · ${say("xray-throttled", { n: number(group.events.cpu_throttled) })}` : "";
  return figure(say("xray-cpu"), value + throttled, group.files["limits.cpu_quota_us"], { times, values, limit, marks, least: 0.05 });
}

function memory(group, machine) {
  const used = group.usage.memory_bytes;
  if (used === undefined) return null;
  const times = machine.history.map((sample) => sample.time);
  const limit = group.limits.memory_bytes ?? null;
  const value = limit ? say("xray-of", { used: bytes(used), of: bytes(limit) }) : bytes(used);
  const killed = group.events.oom_kills ? ` · ${say("xray-oom-kills", { n: number(group.events.oom_kills) })}` : "";
  const marks = rises(machine.history, group.path, ["oom_kills"]);
  return figure(say("xray-memory"), value + killed, group.files["limits.memory_bytes"], { times, values: levels(machine.history, group.path, "memory_bytes"), limit, marks, least: 1 << 20 });
}

function pids(group, machine) {
  const used = group.usage.pids;
  if (used === undefined) return null;
  const times = machine.history.map((sample) => sample.time);
  const limit = group.limits.pids ?? null;
  const refused = group.events.pids_limit_hits ? ` · ${say("xray-refused", { n: number(group.events.pids_limit_hits) })}` : "";
  const marks = rises(machine.history, group.path, ["pids_limit_hits"]);
  const value = limit ? say("xray-of", { used: number(used), of: number(limit) }) : number(used);
  return figure(say("xray-pids"), value + refused, group.files["limits.pids"], { times, values: levels(machine.history, group.path, "pids"), limit, marks, least: 4 });
}

function pressure(group) {
  const kinds = Object.entries(group.pressure);
  if (!kinds.length) return null;
  return html`<dl class="pressure"><dt>${say("xray-pressure")}</dt>${kinds.map(([kind, values]) => html`<dd><span>${kind}</span> <meter min="0" max="100" value=${values.some_avg10} aria-label=${kind}></meter> ${values.some_avg10.toFixed(1)} %</dd>`)}</dl>`;
}

function table({ machine }) {
  return {
    caption: say("xray-cgroups-caption"),
    columns: [say("xray-group"), say("xray-processes"), say("xray-cpu"), say("xray-throttled-column"), say("xray-memory"), say("xray-limit"), say("xray-pids"), say("xray-limit")],
    rows: rows(machine).map((group) => ({
      key: group.path,
      pick: { collection: "cgroups", id: `${group.hierarchies[0]}:${group.path}` },
      cells: [group.path, number(group.processes), group.usage.cpu_us === undefined ? "–" : `${(group.usage.cpu_us / 1e6).toFixed(2)} s`, number(group.events.cpu_throttled), bytes(group.usage.memory_bytes), bytes(group.limits.memory_bytes), number(group.usage.pids), number(group.limits.pids)],
    })),
  };
}
