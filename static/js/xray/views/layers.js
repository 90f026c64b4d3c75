/* Layers: the image's, read-only and shared, and on top the upper layer that is this machine's
   alone. What was written, changed or deleted appears there as it happens. */

import { svg } from "../../../vendor/lit-html/lit-html.js";
import { repeat } from "../../../vendor/lit-html/directives/repeat.js";
import { say } from "../../strings.js";
import { same } from "../pick.js";
import { bytes, cut, number } from "../words.js";

const LAYER = 52;
const LINE = 20;
const GAP = 8;
const MOST_CHANGES = 200;
const SIGNS = { added: "+", changed: "~", deleted: "−", replaced: "⇄" };
const LETTER = 7.3;

export const layers = { draw, table };

function lowers(machine) {
  return machine.all("layers").filter((layer) => layer.kind === "lower").sort((a, b) => b.order - a.order);
}

function changes(machine) {
  return machine.all("changes").sort((a, b) => (b.modified ?? 0) - (a.modified ?? 0) || (a.path < b.path ? -1 : 1));
}

function draw(context) {
  const { machine, width } = context;
  const all = changes(machine);
  const shown = all.slice(0, MOST_CHANGES);
  const upper = machine.get("layers", "upper");
  const upperHeight = 62 + Math.max(1, shown.length + (all.length > shown.length ? 1 : 0)) * LINE;
  const below = lowers(machine);
  return svg`<svg class="xray-svg" width=${width} height=${upperHeight + below.length * (LAYER + GAP) + 30} role="group" aria-label=${say("xray-layers-caption")}>
    ${drawUpper(upper, shown, all.length, upperHeight, context)}
    ${repeat(below, (layer) => layer.id, (layer, at) => drawLower(layer, upperHeight + 16 + at * (LAYER + GAP), context))}
  </svg>`;
}

function drawUpper(upper, shown, total, height, context) {
  const { machine, width } = context;
  const self = machine.get("machine", "self");
  const share = self?.disk_bytes ? Math.min(1, self.disk_used_bytes / self.disk_bytes) : 0;
  const gauge = Math.min(160, width * 0.22); // beside the title, which must have its room
  return svg`<g class="layer upper" data-pick="layers" data-id="upper" role="button" aria-label=${say("xray-upper")}>
      <rect class="box" x="4" y="4" width=${width - 8} height=${height} rx="6"></rect>
      <text class="title" x="16" y="26">${say("xray-upper")}</text>
      <text class="soft" x="16" y="44">${say("xray-disk-used", { used: bytes(self?.disk_used_bytes ?? upper?.size_bytes), of: bytes(self?.disk_bytes), files: number(upper?.files) })}</text>
      <rect class="gauge" x=${width - gauge - 16} y="18" width=${gauge} height="8" rx="4"></rect>
      <rect class="gauge-fill" x=${width - gauge - 16} y="18" width=${Math.max(share ? 2 : 0, gauge * share)} height="8" rx="4"></rect>
    </g>
    ${shown.length ? repeat(shown, (change) => change.id, (change, at) => drawChange(change, 66 + at * LINE, context)) : svg`<text class="soft" x="16" y="68">${say("xray-nothing-written")}</text>`}
    ${total > shown.length ? svg`<text class="soft" x="16" y=${66 + shown.length * LINE}>${say("xray-and-more", { n: number(total - shown.length) })}</text>` : svg``}`;
}

function drawChange(change, y, { machine, width, selected }) {
  const current = same(selected, { collection: "changes", id: change.id });
  const fresh = machine.isFresh("changes", change.id);
  const size = change.change === "deleted" ? say("xray-whiteout") : change.type === "directory" ? say("xray-directory") : bytes(change.size_bytes);
  return svg`<g class="row change ${change.change} ${fresh ? "fresh" : ""}" data-pick="changes" data-id=${change.id} role="button"
      aria-current=${current ? "true" : "false"} aria-label=${`${say(`xray-change-${change.change}`)} ${change.path}`}>
    <rect class="hit" x="10" y=${y - 14} width=${width - 20} height=${LINE} rx="3"></rect>
    <text class="mono sign" x="18" y=${y}>${SIGNS[change.change] ?? "?"}</text>
    <text class="mono path" x="36" y=${y}>${cut(change.path, (width - 160) / LETTER)}</text>
    <text class="mono soft" x=${width - 18} y=${y} text-anchor="end">${size}</text>
  </g>`;
}

function drawLower(layer, y, { width, selected }) {
  const current = same(selected, { collection: "layers", id: layer.id });
  return svg`<g class="layer lower" data-pick="layers" data-id=${layer.id} role="button" aria-current=${current ? "true" : "false"}
      aria-label=${say("xray-layer-spoken", { digest: layer.digest ?? "", image: layer.image ?? "" })}>
    <rect class="box" x="4" y=${y} width=${width - 8} height=${LAYER} rx="6"></rect>
    <text class="mono" x="16" y=${y + 21}>${layer.digest ?? ""}</text>
    <text x=${116} y=${y + 21}>${cut(layer.created_by ?? layer.image ?? "", (width - 260) / LETTER)}</text>
    <text class="soft" x="16" y=${y + 40}>${layer.shared_by === null ? say("xray-n-files", { files: number(layer.files) }) : say("xray-layer-facts", { files: number(layer.files), n: number(layer.shared_by) })}</text>
    <text class="mono soft" x=${width - 18} y=${y + 21} text-anchor="end">${bytes(layer.size_bytes)}</text>
    <text class="soft" x=${width - 18} y=${y + 40} text-anchor="end">${say("xray-read-only")}</text>
  </g>`;
}

function table({ machine }) {
  const stack = machine.all("layers").sort((a, b) => b.order - a.order).map((layer) => ({
    key: layer.id,
    pick: { collection: "layers", id: layer.id },
    cells: [layer.kind === "upper" ? say("xray-upper") : layer.digest, layer.created_by ?? "–", bytes(layer.size_bytes), number(layer.files), number(layer.shared_by)],
  }));
  const written = changes(machine).map((change) => ({
    key: `change ${change.id}`,
    pick: { collection: "changes", id: change.id },
    cells: [change.path, say(`xray-change-${change.change}`), bytes(change.size_bytes), change.mode ?? "–", ""],
  }));
  return { caption: say("xray-layers-caption"), columns: [say("xray-layer"), say("xray-made-by"), say("xray-size"), say("xray-files"), say("xray-shared-by")], rows: [...stack, ...written] };
}
