/* The lesson's steps: one is shown at a time; a gated lesson opens them in order. */

import { notify } from "./dialogs.js";
import { say } from "./strings.js";

const byId = (id) => document.getElementById(id);

export class Steps {
  /** finished(step) tells whether its tasks are done; opened(step) hears of a turn of the page. */
  constructor(steps, { gate, finished, opened }) {
    Object.assign(this, { finished, opened });
    this.gates = new Map(steps.map((step) => [step.id, step.gate ?? gate]));
    this.ids = steps.map((step) => step.id);
    this.current = "";
    byId("back").addEventListener("click", () => this.turn(-1));
    byId("next").addEventListener("click", () => this.turn(1));
    byId("step-list").addEventListener("click", (event) => this.clicked(event));
    addEventListener("popstate", () => this.open(this.fromAddress(), false));
  }

  /** Where the address says, else where she stopped last time, else at the first thing left to do.
      A step without tasks is never unfinished, so who has done nothing yet begins at the beginning. */
  start(last) {
    const done = (id) => this.finished(id) && this.hasTasks(id);
    const first = this.ids.some(done) ? this.ids.find((id) => !this.finished(id)) ?? this.ids.at(-1) : this.ids[0];
    this.open([this.fromAddress(), last].find((id) => this.allowed(id)) ?? first, false);
  }

  fromAddress() {
    return location.hash.replace(/^#\//, "");
  }

  /** The furthest step that may be opened is the first one with something left to do. */
  allowed(id) {
    const at = this.ids.indexOf(id);
    if (at < 0) return false;
    return this.ids.slice(0, at).every((before) => !this.gates.get(before) || this.finished(before));
  }

  clicked(event) {
    const link = event.target.closest("[data-step-link]");
    if (!link) return;
    event.preventDefault();
    this.open(link.dataset.stepLink);
  }

  turn(by) {
    this.open(this.ids[this.ids.indexOf(this.current) + by]);
  }

  open(id, push = true) {
    if (!id || !this.ids.includes(id)) return;
    if (!this.allowed(id)) return notify(say("locked"));
    this.current = id;
    for (const article of document.querySelectorAll("[data-step]")) article.classList.toggle("current", article.dataset.step === id);
    // Not the id of an element: the browser would scroll to it and hide the list of steps.
    history[push ? "pushState" : "replaceState"](null, "", `#/${id}`);
    byId("text").scrollTop = 0;
    this.draw();
    this.opened(id);
  }

  draw() {
    const at = this.ids.indexOf(this.current);
    byId("step-count").textContent = say("step-of", { n: at + 1, total: this.ids.length });
    byId("back").hidden = at <= 0;
    byId("next").hidden = at >= this.ids.length - 1;
    const next = this.ids[at + 1];
    byId("next").classList.toggle("primary", Boolean(next) && this.allowed(next));
    for (const link of document.querySelectorAll("[data-step-link]")) this.drawLink(link);
    this.drawSolution();
  }

  hasTasks(id) {
    return document.querySelector(`[data-step="${CSS.escape(id)}"] [data-task]`) !== null;
  }

  drawLink(link) {
    const id = link.dataset.stepLink;
    if (id === this.current) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    const before = this.ids.indexOf(id) < this.ids.indexOf(this.current);
    link.classList.toggle("done", this.finished(id) && (before || this.hasTasks(id)));
    link.classList.toggle("locked", !this.allowed(id));
  }

  drawSolution() {
    const solution = document.querySelector(".step.current > .solution");
    if (solution && this.finished(this.current)) solution.hidden = false;
  }
}
