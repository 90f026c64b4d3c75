/* Processes: the same ones twice. On the left as the host numbers them, on the right as they
   number themselves; a line joins the two faces of each. Stripes on the right are pid namespaces. */

import { nothing, svg } from "../../../vendor/lit-html/lit-html.js";
import { repeat } from "../../../vendor/lit-html/directives/repeat.js";
import { say } from "../../strings.js";
import { same } from "../pick.js";
import { flatten } from "../tree.js";
import { bytes, cut, number } from "../words.js";

const ROW = 26;
const HEAD = 46;
const INDENT = 14;
const LETTER = 7.3; // the width of a monospaced letter at the drawing's size

export const processes = { draw, table };

function rows(machine) {
  return flatten(machine.all("processes"), (process) => process.parent, (process) => process.pid);
}

function draw(context) {
  const { machine, width } = context;
  const all = rows(machine);
  const narrow = width < 560;
  const plan = { narrow, left: 8, leftEnd: width * (narrow ? 0.44 : 0.4), right: width * (narrow ? 0.56 : 0.58), width };
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
    rows: rows(machine).map(({ object }) => ({
      key: object.id,
      pick: { collection: "processes", id: object.id },
      cells: [command(object), object.pid, object.pids.join(" → "), object.uids.outside, object.uids.own ?? say("xray-nobody"), object.state, bytes(object.memory_bytes), number(object.threads)],
    })),
  };
}
