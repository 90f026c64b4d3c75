/* The plan that made a machine, drawn as it goes: one bar for each step, in milliseconds,
   with the manual page it comes from and the line of our runtime that does it. A table of the same facts for those who do not see it:
   the list's own text carries name, manual and time. */

import { say } from "./strings.js";

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function milliseconds(microseconds) {
  const ms = microseconds / 1000;
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(ms < 100 ? 1 : 0);
}

function outward(className, text, address) {
  const link = element("a", className, text);
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

/** Where to read about a step: links to "mount(2)" on man7.org and to the function in our source. */
export function reading({ manual, source }) {
  const page = /^([\w.+-]+)\((\d)\w*\)$/.exec(manual ?? "");
  const links = [];
  if (page) links.push(outward("manual", manual, `https://man7.org/linux/man-pages/man${page[2]}/${page[1]}.${page[2]}.html`));
  else if (manual) links.push(element("span", "manual", manual));
  if (source) {
    const link = outward("manual", say("source"), `/source/${encodeURIComponent(source)}`);
    link.title = source;
    links.push(link);
  }
  return links;
}

function bar(timing, whole) {
  const track = element("span", "track");
  const fill = element("i");
  fill.style.left = `${(100 * timing.start_us) / whole}%`;
  fill.style.width = `${Math.max(0.4, (100 * timing.duration_us) / whole)}%`;
  track.setAttribute("aria-hidden", "true");
  track.append(fill);
  return track;
}

function row(timing, whole) {
  const item = element("li", timing.stage === "inside" ? "inside" : "outside");
  const what = element("span", "what", `${timing.description || timing.name} `);
  what.title = `${timing.name} · ${say(timing.stage === "inside" ? "inside" : "host-side")}`;
  for (const link of reading(timing)) what.append(link, " ");
  item.append(what, bar(timing, whole), element("span", "ms", `${milliseconds(timing.duration_us)} ms`));
  return item;
}

function pending(name, failed) {
  const item = element("li", failed ? "failed" : "now");
  item.append(element("span", "what", name), element("span", "track"), element("span", "ms", failed ? "×" : "…"));
  return item;
}

/** Draw one machine's steps into `place`. machine: {name, status, step, timings, error}. */
export function drawWaterfall(place, machine) {
  const timings = machine.timings ?? [];
  const whole = Math.max(1, ...timings.map((timing) => timing.start_us + timing.duration_us));
  const list = element("ol");
  for (const timing of timings) list.append(row(timing, whole));
  const failed = machine.status === "failed";
  if (machine.status === "starting" || failed) list.append(pending(machine.error?.step || machine.step || "…", failed));
  place.replaceChildren(element("h2", "", headline(machine, whole, timings.length)), list);
}

function headline(machine, whole, steps) {
  if (machine.status === "running" && steps) return say("started-in", { machine: machine.name, ms: milliseconds(whole) });
  return say("starting", { machine: machine.name });
}
