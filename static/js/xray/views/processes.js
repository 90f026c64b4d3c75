/* Processes: the same ones twice. On the left as the host numbers them, on the right as they
   number themselves; a line joins the two faces of each. Stripes on the right are pid namespaces.

   Of a virtual machine the host sees QEMU; the processes inside are not its own, and stand on the right as the
   guest tells of them, in a box that hangs on QEMU by one line. */

import { nothing, svg } from "../../../vendor/lit-html/lit-html.js";
import { repeat } from "../../../vendor/lit-html/directives/repeat.js";
import { say } from "../../strings.js";
import { same } from "../pick.js";
import { flatten } from "../tree.js";
import { bytes, cut, number, span } from "../words.js";

const ROW = 26;
const HEAD = 46;
const INDENT = 14;
const LETTER = 7.3; // the width of a monospaced letter at the drawing's size

export const processes = { draw, table };

function rows(machine) {
  return flatten(machine.all("processes"), (process) => process.parent, (process) => process.pid);
}

function planOf(width) {
  const narrow = width < 560;
  return { narrow, left: 8, leftEnd: width * (narrow ? 0.44 : 0.4), right: width * (narrow ? 0.56 : 0.58), width };
}

function draw(context) {
  const { machine, width } = context;
  const all = rows(machine);
  const plan = planOf(width);
  const { narrow } = plan;
  if (machine.get("machine", "self")?.backend === "vm") return drawMachine(all, plan, context);
  return svg`<svg class="xray-svg" width=${width} height=${HEAD + all.length * ROW + 10} role="group" aria-label=${say("xray-processes-caption")}>
    <text class="title" x=${plan.left} y="18">${say("xray-seen-from-host")}</text>
    <text class="title" x=${plan.right} y="18">${say("xray-seen-from-inside")}</text>
    <text class="soft" x=${plan.left} y="36">${narrow ? say("xray-pid") : say("xray-pid-user-name")}</text>
    <text class="soft" x=${plan.right} y="36">${narrow ? say("xray-pid") : say("xray-pid-user-command")}</text>
    <line class="glass" x1=${width / 2} x2=${width / 2} y1="8" y2=${HEAD + all.length * ROW}></line>
    ${repeat(all, (row) => row.object.id, (row, at) => drawRow(row, HEAD + at * ROW, plan, context))}
  </svg>`;
}

function drawRow({ object, depth }, y, plan, { machine, selected }) {
  const current = same(selected, { collection: "processes", id: object.id });
  const fresh = machine.isFresh("processes", object.id);
  const shift = Math.min(depth, 8) * INDENT;
  const stripes = object.pids.length - 1;
  return svg`<g class="row ${fresh ? "fresh" : ""}" data-pick="processes" data-id=${object.id} role="button"
      aria-current=${current ? "true" : "false"} aria-label=${spoken(object)}>
    <rect class="hit" x="2" y=${y} width=${plan.width - 4} height=${ROW - 2} rx="4"></rect>
    ${branch(plan.left + shift, y, depth)}
    <text class="mono" x=${plan.left + shift} y=${y + 17}>${outside(object, plan, shift)}</text>
    <path class="join" d="M ${plan.leftEnd + 4} ${y + 12} H ${plan.right - 12}"></path>
    ${stripe(object, plan.right, y)}
    ${branch(plan.right + shift + stripes * 6, y, depth)}
    <text class="mono" x=${plan.right + shift + stripes * 6} y=${y + 17}>${inside(object, plan, shift)}</text>
  </g>`;
}

/* A virtual machine: two trees that have nothing in common but QEMU. */
function drawMachine(all, plan, context) {
  const { machine, width } = context;
  const inside = flatten(machine.all("guest_processes"), (process) => parentInGuest(machine, process), (process) => process.pid);
  const told = machine.get("guest", "self");
  const bottom = HEAD + Math.max(all.length, inside.length, 2) * ROW;
  const qemu = all.findIndex(({ object }) => object.comm.startsWith("qemu"));
  return svg`<svg class="xray-svg" width=${width} height=${bottom + 16} role="group" aria-label=${say("xray-processes-caption")}>
    <text class="title" x=${plan.left} y="18">${say("xray-seen-from-host")}</text>
    <text class="title" x=${plan.right} y="18">${say("xray-guest-title")}</text>
    <text class="soft" x=${plan.left} y="36">${plan.narrow ? say("xray-pid") : say("xray-pid-user-name")}</text>
    <text class="soft" x=${plan.right} y="36">${cut(told ? guestFacts(told) : say("xray-guest-waiting"), (width - plan.right) / 6.2)}</text>
    <rect class="guest-box" x=${plan.right - 14} y=${HEAD - 4} width=${width - plan.right + 8} height=${bottom - HEAD + 8} rx="6"></rect>
    ${qemu < 0 ? nothing : svg`<path class="join guest-join" d="M ${plan.leftEnd + 4} ${HEAD + qemu * ROW + 12} H ${plan.right - 14}"></path>`}
    ${repeat(all, (row) => row.object.id, (row, at) => drawSide("processes", row, HEAD + at * ROW, { x: plan.left, width: plan.leftEnd - plan.left, text: outside(row.object, plan, shiftOf(row)) }, context))}
    ${repeat(inside, (row) => row.object.id, (row, at) => drawSide("guest_processes", row, HEAD + at * ROW, { x: plan.right, width: width - plan.right - 10, text: guestLine(row.object, plan, shiftOf(row)) }, context))}
  </svg>`;
}

function drawSide(collection, { object, depth }, y, { x, width, text }, { machine, selected }) {
  const current = same(selected, { collection, id: object.id });
  const shift = shiftOf({ depth });
  return svg`<g class="row ${machine.isFresh(collection, object.id) ? "fresh" : ""}" data-pick=${collection} data-id=${object.id} role="button"
      aria-current=${current ? "true" : "false"} aria-label=${`${object.pid} ${object.comm}`}>
    <rect class="hit" x=${x - 6} y=${y} width=${width + 6} height=${ROW - 2} rx="4"></rect>
    ${branch(x + shift, y, depth)}
    <text class="mono" x=${x + shift} y=${y + 17}>${text}</text>
  </g>`;
}

function shiftOf({ depth }) {
  return Math.min(depth, 8) * INDENT;
}

function parentInGuest(machine, process) {
  return machine.all("guest_processes").find((other) => other.pid === process.parent)?.id ?? null;
}

function guestLine(object, plan, shift) {
  const room = (plan.width - plan.right - shift - 14) / LETTER;
  if (plan.narrow) return cut(`${object.pid} ${object.comm}`, room);
  return cut(`${String(object.pid).padEnd(5)} ${String(object.uid).padEnd(5)} ${command(object)}`, room);
}

function guestFacts({ kernel, uptime_s: up, kernel_threads: threads }) {
  return say("xray-guest-facts", { kernel: kernel ?? "?", up: up === undefined ? "?" : span(up), threads: number(threads) });
}

function branch(x, y, depth) {
  return depth ? svg`<path class="branch" d="M ${x - 9} ${y - 6} V ${y + 12} H ${x - 3}"></path>` : nothing;
}

/** One stripe for each pid namespace below the sandbox's own. */
function stripe(object, x, y) {
  return object.pids.slice(1).map((_, level) => svg`<rect class="stripe" x=${x - 7 + level * 6} y=${y - 1} width="3" height=${ROW}></rect>`);
}

function outside(object, plan, shift) {
  const room = (plan.leftEnd - plan.left - shift) / LETTER;
  if (plan.narrow) return cut(`${object.pid} ${object.comm}`, room);
  return cut(`${String(object.pid).padEnd(7)} ${String(object.uids.outside).padEnd(10)} ${object.comm}`, room);
}

function inside(object, plan, shift) {
  const room = (plan.width - plan.right - shift - 8) / LETTER;
  const pids = object.pids.join("→");
  if (plan.narrow) return cut(`${pids} ${object.comm}`, room);
  const uid = object.uids.own ?? say("xray-nobody");
  return cut(`${pids.padEnd(5)} ${String(uid).padEnd(5)} ${command(object)}`, room);
}

export function command(process) {
  return process.args.length ? process.args.join(" ") : `[${process.comm}]`;
}

function spoken(process) {
  return say("xray-process-spoken", { name: process.comm, outside: process.pid, inside: process.pids.join(", ") });
}

function table({ machine }) {
  return {
    caption: say("xray-processes-caption"),
    columns: [say("xray-command"), say("xray-pid-outside"), say("xray-pid-inside"), say("xray-uid-outside"), say("xray-uid-inside"), say("xray-state"), say("xray-memory"), say("xray-threads")],
    rows: [...rows(machine).map(({ object }) => ({
      key: object.id,
      pick: { collection: "processes", id: object.id },
      cells: [command(object), object.pid, object.pids.join(" → "), object.uids.outside, object.uids.own ?? say("xray-nobody"), object.state, bytes(object.memory_bytes), number(object.threads)],
    })), ...machine.all("guest_processes").map((object) => ({
      key: `guest ${object.id}`,
      pick: { collection: "guest_processes", id: object.id },
      cells: [command(object), "–", `${object.pid} (${say("xray-guest-title")})`, "–", object.uid, object.state, bytes(object.memory_bytes), "–"],
    }))],
  };
}
