/* Namespaces: a matrix. A row for each set of processes that share all eight, a column for each
   kind. The same colour and pattern in a column is the same namespace; the digits end its inode. */

import { svg } from "../../../vendor/lit-html/lit-html.js";
import { repeat } from "../../../vendor/lit-html/directives/repeat.js";
import { say } from "../../strings.js";
import { same } from "../pick.js";
import { cut, KINDS, kindColour, shortInode } from "../words.js";

const ROW = 44;
const HEAD = 40;
const LETTER = 7.3;
const PATTERNS = 5;
const SHORT = { mount: "mnt", network: "net", cgroup: "cgr" }; // as in the file names of /proc/<pid>/ns

export const namespaces = { draw, table };

/** [{key, label, namespaces: {kind: id}}]: the host, each set of processes, what lives on without one. */
function rows(machine) {
  const sets = new Map();
  for (const process of machine.all("processes")) {
    const key = KINDS.map((kind) => process.namespaces[kind]).join(" ");
    const set = sets.get(key) ?? { key, names: [], first: process.pid, namespaces: process.namespaces };
    set.names.push(process.comm);
    set.first = Math.min(set.first, process.pid);
    sets.set(key, set);
  }
  const found = [...sets.values()].sort((a, b) => a.first - b.first);
  const host = { key: "host", label: say("xray-host"), host: true, namespaces: {} };
  return [host, ...found.map((set) => ({ ...set, label: labelOf(set.names) })), ...keptAlive(machine, found)];
}

function labelOf(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${name} ×${count}` : name)).join(", ");
}

/** Namespaces that no process is in: a mount, an open file or a child keeps them. */
function keptAlive(machine, found) {
  const used = new Set(found.flatMap((set) => Object.values(set.namespaces)));
  return machine.all("namespaces").filter((one) => !used.has(one.id))
    .map((one) => ({ key: `kept ${one.id}`, label: say(`xray-kept-${one.kept_by}`), namespaces: { [one.kind]: one.id } }));
}

/** Which pattern a namespace has: the sandbox's own first, the others as they were seen. */
function patterns(machine) {
  const order = new Map();
  for (const kind of KINDS) {
    const all = machine.all("namespaces").filter((one) => one.kind === kind);
    all.sort((a, b) => Number(b.own) - Number(a.own) || a.first_seen - b.first_seen || (a.id < b.id ? -1 : 1));
    all.forEach((one, at) => order.set(one.id, at));
  }
  return order;
}

function draw(context) {
  const { machine, width } = context;
  const all = rows(machine);
  const order = patterns(machine);
  const label = Math.min(190, width * 0.22);
  const plan = { label, cell: (width - label - 12) / KINDS.length, width };
  return svg`<svg class="xray-svg matrix" width=${width} height=${HEAD + all.length * ROW + 8} role="group" aria-label=${say("xray-namespaces-caption")}>
    <defs>${KINDS.map(patternDefinitions)}</defs>
    ${KINDS.map((kind, at) => svg`<text class="column" x=${label + (at + 0.5) * plan.cell} y="24" text-anchor="middle" fill=${kindColour(kind)}>${plan.cell < 56 ? SHORT[kind] ?? kind : kind}</text>`)}
    ${repeat(all, (row) => row.key, (row, at) => drawRow(row, HEAD + at * ROW, plan, order, context))}
  </svg>`;
}

function drawRow(row, y, plan, order, context) {
  return svg`<g class="row">
    <text class=${row.host ? "soft" : "mono"} x="6" y=${y + 24}>${cut(row.label, (plan.label - 10) / LETTER)}<title>${row.label}</title></text>
    ${KINDS.map((kind, at) => (row.host ? hostCell(plan.label + at * plan.cell, y, plan) : cell(row.namespaces[kind], kind, plan.label + at * plan.cell, y, plan, order, context)))}
  </g>`;
}

function hostCell(x, y, plan) {
  return svg`<rect class="host-cell" x=${x + 3} y=${y + 3} width=${plan.cell - 6} height=${ROW - 8} rx="5"></rect>`;
}

function cell(id, kind, x, y, plan, order, { machine, selected }) {
  if (!id) return svg``;
  const at = order.get(id) ?? 0;
  const chosen = same(selected, { collection: "namespaces", id });
  const fresh = machine.isFresh("namespaces", id);
  return svg`<g class="cell ${fresh ? "fresh" : ""}" data-pick="namespaces" data-id=${id} role="button" data-kind=${kind} data-nth=${at}
      aria-current=${chosen ? "true" : "false"} aria-label=${`${kind} ${id}`}>
    <rect class="solid" x=${x + 3} y=${y + 3} width=${plan.cell - 6} height=${ROW - 8} rx="5" fill=${kindColour(kind)}></rect>
    <rect class="pattern" x=${x + 3} y=${y + 3} width=${plan.cell - 6} height=${ROW - 8} rx="5" fill=${at ? `url(#ns-${kind}-${at % PATTERNS})` : "none"}></rect>
    <text class="inode" x=${x + plan.cell / 2} y=${y + 27} text-anchor="middle">${plan.cell > 76 ? id : shortInode(id, plan.cell)}</text>
  </g>`;
}

/* The first has none; then stripes one way, the other way, upright, dots. */
function patternDefinitions(kind) {
  const turns = { 1: 45, 2: -45, 3: 0 };
  const lines = Object.entries(turns).map(([n, turn]) => svg`<pattern id=${`ns-${kind}-${n}`} width="9" height="9" patternUnits="userSpaceOnUse" patternTransform=${`rotate(${turn})`}><rect width="4" height="9" fill="var(--surface)" opacity=".42"></rect></pattern>`);
  const dots = [4, 0].map((n) => svg`<pattern id=${`ns-${kind}-${n}`} width="9" height="9" patternUnits="userSpaceOnUse"><circle cx="4" cy="4" r="2.4" fill="var(--surface)" opacity=".5"></circle></pattern>`);
  return [...lines, ...dots];
}

function table({ machine }) {
  return {
    caption: say("xray-namespaces-caption"),
    columns: [say("xray-kind"), say("xray-inode"), say("xray-processes"), say("xray-owner"), say("xray-parent"), say("xray-made-by")],
    rows: machine.all("namespaces").sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.first_seen - b.first_seen).map((one) => ({
      key: one.id,
      pick: { collection: "namespaces", id: one.id },
      cells: [one.kind, one.id, one.members, one.owner ?? "–", one.parent ?? "–", say(one.own ? "xray-made-by-runtime" : "xray-made-inside")],
    })),
  };
}
