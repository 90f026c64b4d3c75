/* The plan that made a machine, drawn as it goes: one bar for each step, in milliseconds, with
   links to the manual page it comes from and to the lines of our runtime that do it. For those
   who do not see the bars the list's own text carries name, manual and time.

   A machine from the pool was made in part before anybody asked (`ahead`): those steps are drawn
   up to the moment of asking, and the time they then lay waiting is left out. */

import { describe, say } from "./strings.js";

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

function outward(text, address, title) {
  const link = element("a", "manual", text);
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.title = title;
  return link;
}

/** Where to read about a step: its page on man7.org, its function in our source. */
function reading({ manual, source, file, line, function: name }) {
  const page = /^([\w.+-]+)\((\d)\w*\)$/.exec(manual ?? "");
  const links = [];
  if (page) links.push(outward(manual, `https://man7.org/linux/man-pages/man${page[2]}/${page[1]}.${page[2]}.html`, "man7.org"));
  else if (manual) links.push(element("span", "manual", manual));
  source ??= file && `${file.replace(/\.py$/, "").replaceAll("/", ".")}.${name}`;
  if (file && line) links.push(outward(say("source"), `/source/${file}#L${line}`, `${file}:${line}`));
  else if (source) links.push(outward(say("source"), `/source/${encodeURIComponent(source)}`, source));
  return links;
}

const ends = (timing) => timing.start_us + timing.duration_us;

/** The steps with the waiting of a pool left out, and the span they cover. */
function placed(timings) {
  const made = Math.max(...timings.filter((timing) => timing.ahead).map(ends));
  const steps = timings.map((timing) => (timing.ahead ? { ...timing, start_us: timing.start_us - made } : timing));
  return { steps, first: Math.min(0, ...steps.map((step) => step.start_us)), last: Math.max(1, ...steps.map(ends)) };
}

function bar(timing, { first, last }) {
  const track = element("span", "track");
  const fill = element("i");
  fill.style.left = `${(100 * (timing.start_us - first)) / (last - first)}%`;
  fill.style.width = `${Math.max(0.4, (100 * timing.duration_us) / (last - first))}%`;
  track.setAttribute("aria-hidden", "true");
  track.append(fill);
  return track;
}

function row(timing, span) {
  const item = element("li", timing.stage === "inside" ? "inside" : "outside");
  item.classList.toggle("ahead", Boolean(timing.ahead));
  const what = element("span", "what", describe(timing));
  what.title = [timing.name, say(timing.stage === "inside" ? "inside" : "host-side"), timing.ahead && say("ahead")].filter(Boolean).join(" · ");
  for (const link of reading(timing)) what.append(" ", link);
  item.append(what, bar(timing, span), element("span", "ms", `${milliseconds(timing.duration_us)} ms`));
  return item;
}

function pending(name, failed) {
  const item = element("li", failed ? "failed" : "now");
  item.append(element("span", "what", name), element("span", "track"), element("span", "ms", failed ? "×" : "…"));
  return item;
}

function legend(steps) {
  const kinds = ["outside", "inside", ...(steps.some((step) => step.ahead) ? ["ahead"] : [])];
  const place = element("p", "legend");
  for (const kind of kinds) place.append(element("span", kind, say({ outside: "host-side", inside: "inside", ahead: "ahead" }[kind])));
  return place;
}

/** Draw one machine's steps into `place`. machine: {name, status, step, timings, error}. */
export function drawWaterfall(place, machine) {
  const span = placed(machine.timings ?? []);
  const list = element("ol");
  for (const step of span.steps) list.append(row(step, span));
  const failed = machine.status === "failed";
  const unsaid = failed && !machine.error?.step; // the notice above has the reason
  if ((machine.status === "starting" || failed) && !unsaid) list.append(pending(machine.error?.step || (machine.step === "boot" ? say("step-boot") : machine.step) || "…", failed));
  place.replaceChildren(element("h2", "", headline(machine, span)), ...(span.steps.length ? [legend(span.steps)] : []), list);
}

function headline(machine, { steps, last }) {
  if (machine.status === "running" && steps.length) return say("started-in", { machine: machine.name, ms: milliseconds(last) });
  if (machine.status === "failed") return say("failed", { machine: machine.name });
  return say("starting", { machine: machine.name });
}
