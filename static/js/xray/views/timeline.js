/* Timeline: the plan that made this machine, step by step, with the time of each, its manual page
   and the lines of the runtime that did it. */

import { describe, say } from "../../strings.js";
import { drawWaterfall, milliseconds } from "../../waterfall.js";

export const timeline = { draw, table };

function steps(machine) {
  return machine.all("steps").sort((a, b) => (a.id < b.id ? -1 : 1));
}

let drawn = { key: "", place: null };

function draw({ machine }) {
  const key = `${machine.name} ${machine.seen.epoch} ${Object.keys(machine.seen.steps).length}`;
  if (drawn.key === key) return drawn.place;
  const place = document.createElement("div");
  place.className = "waterfall";
  drawWaterfall(place, { name: machine.name, status: "running", timings: steps(machine) });
  drawn = { key, place };
  return place;
}

function table({ machine }) {
  return {
    caption: say("xray-timeline-caption"),
    columns: [say("xray-step"), say("xray-where"), say("xray-begins"), say("xray-takes"), say("xray-manual"), say("xray-source")],
    rows: steps(machine).map((step) => ({
      key: step.id,
      cells: [describe(step), say(step.stage === "inside" ? "inside" : "host-side"), `${milliseconds(step.start_us)} ms`, `${milliseconds(step.duration_us)} ms`, step.manual ?? "", step.file ? `${step.file}:${step.line}` : ""],
    })),
  };
}
