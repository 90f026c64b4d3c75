/* Tasks tick themselves while the learner types; a task without `auto` has a button. The
   check's own words say why not yet. Hints are offered after a while, or after some tries. */

import { say } from "./strings.js";

const EVERY = 2000;
/* A check costs a process in the sandbox. It is asked soon after something moved in a terminal, and
   rarely while somebody reads: what else changes (a program in the background) is seen then. */
const LIVELY = 8000;
const IDLE_EVERY = 10000;

/** Text with `code` in it as nodes; never as HTML, since a check may print anything. */
function worded(text) {
  return text.split(/(`[^`\n]+`)/).map((part) => {
    if (!/^`[^`]+`$/.test(part)) return part;
    const code = document.createElement("code");
    code.textContent = part.slice(1, -1);
    return code;
  });
}

class Task {
  constructor(element, step, send) {
    Object.assign(this, { element, step, send });
    this.id = element.dataset.task;
    this.auto = "auto" in element.dataset;
    this.needs = element.dataset.needs;
    this.asked = -Infinity;
    this.tries = 0;
    this.done = false;
    this.build();
  }

  build() {
    this.state = document.createElement("span");
    this.state.className = "task-state";
    this.message = document.createElement("span");
    this.message.className = "task-message";
    this.message.setAttribute("aria-live", "polite");
    const foot = document.createElement("div");
    foot.className = "task-foot";
    if (!this.auto) foot.append(this.makeButton());
    foot.append(this.state, this.message);
    this.element.append(foot);
    this.state.textContent = this.auto ? say("watching") : "";
  }

  makeButton() {
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.textContent = say("check");
    this.button.addEventListener("click", () => this.check());
    return this.button;
  }

  check() {
    if (!this.send({ type: "check", step: this.step, task: this.id })) return;
    this.asked = performance.now();
    if (this.auto) return;
    this.tries += 1;
    this.button.disabled = true;
    this.state.textContent = say("checking");
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ready(), 15000); // an answer may be lost; the button must not be
  }

  /** Before its turn a task cannot be checked, and says so. */
  wait(before) {
    if (Boolean(before) === this.held) return;
    this.held = Boolean(before);
    this.element.classList.toggle("held", this.held);
    if (this.button) this.button.disabled = this.held;
    this.state.textContent = this.held ? say("needs-other") : "";
    if (!this.held) this.ready();
  }

  ready() {
    clearTimeout(this.waiting);
    if (this.button) this.button.disabled = false;
    this.state.textContent = this.done ? say(this.earlier ? "done-earlier" : "done") : this.auto ? say("watching") : "";
  }

  /** What was done once, in this lab or in an earlier one, stays done. */
  heard({ passed, message, state }) {
    this.done ||= passed;
    this.earlier = state === "earlier";
    const broken = state === "broken";
    this.element.classList.toggle("done", this.done);
    this.element.classList.toggle("broken", broken);
    if (state !== "cannot_tell") this.message.replaceChildren(...worded(broken ? say("check-broken") : message || ""));
    this.ready();
  }
}

class Hint {
  constructor(element) {
    this.element = element;
    this.after = Number(element.dataset.after ?? 90) * 1000;
    this.tries = Number(element.dataset.tries ?? Infinity);
  }

  consider(elapsed, tries) {
    if (elapsed >= this.after || tries >= this.tries) this.element.classList.add("offered");
  }
}

export class Tasks {
  /** watch: {send(message) → sent, changed(), current() → step id, running() → bool} */
  constructor(place, watch) {
    this.watch = watch;
    this.tasks = [];
    this.hints = new Map();
    for (const article of place.querySelectorAll("[data-step]")) this.read(article);
    this.since = this.moved = performance.now();
    this.timer = setInterval(() => this.tick(), EVERY);
  }

  read(article) {
    const step = article.dataset.step;
    for (const element of article.querySelectorAll("[data-task]")) this.tasks.push(new Task(element, step, this.watch.send));
    this.hints.set(step, [...article.querySelectorAll("details.hint")].map((element) => new Hint(element)));
  }

  of(step) {
    return this.tasks.filter((task) => task.step === step);
  }

  /** The task that has to be done before this one, if it is not. */
  needed(task) {
    const before = task.needs && this.tasks.find((each) => each.id === task.needs);
    return before && !before.done ? before : null;
  }

  /** Something moved in a terminal. */
  stirred() {
    this.moved = performance.now();
  }

  finished(step) {
    return this.of(step).every((task) => task.done);
  }

  entered() {
    this.since = this.moved = performance.now();
  }

  tick() {
    if (document.hidden || !this.watch.running()) return;
    const here = this.of(this.watch.current());
    const now = performance.now();
    const every = now - this.moved < LIVELY ? EVERY : IDLE_EVERY;
    for (const task of here) {
      const waits = this.needed(task);
      task.wait(waits);
      if (task.auto && !task.done && !waits && now - task.asked >= every - EVERY / 2) task.check();
    }
    const tries = Math.max(0, ...here.map((task) => task.tries));
    for (const hint of this.hints.get(this.watch.current()) ?? []) hint.consider(performance.now() - this.since, tries);
  }

  heard(message) {
    const task = this.tasks.find((each) => each.step === message.step && each.id === message.task);
    task?.heard(message);
    this.watch.changed();
  }

  stop() {
    clearInterval(this.timer);
  }
}
