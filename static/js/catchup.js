/* Coming back days later: progress is kept, machines are not. Where earlier steps were done in another lab,
   the page offers to have them done again in these machines. */

import { notify } from "./dialogs.js";
import { say } from "./strings.js";

const byId = (id) => document.getElementById(id);

export class CatchUp {
  constructor({ api, tasks, steps }) {
    Object.assign(this, { api, tasks, steps });
    this.said = false;
    byId("catch-up-do").addEventListener("click", () => this.begin());
  }

  /** Is anything before this step done, but in another lab? */
  get behind() {
    const before = this.steps.ids.slice(0, this.steps.ids.indexOf(this.steps.current));
    return before.some((step) => this.tasks.of(step).some((task) => task.done && task.earlier));
  }

  draw() {
    byId("catch-up").hidden = !(this.said || this.behind);
  }

  async begin() {
    byId("catch-up-do").disabled = true;
    try {
      const { tasks } = await this.api("POST", `/steps/${encodeURIComponent(this.steps.current)}/catch-up`, {});
      this.tell("catch-up-doing", { done: 0, total: tasks });
    } catch (problem) {
      byId("catch-up-do").disabled = false;
      notify(say(problem.code === "not-running" ? "catch-up-wait" : "request-failed"));
    }
  }

  heard({ done, total, ok, over }) {
    this.tell(over ? (ok ? "catch-up-done" : "catch-up-stopped") : "catch-up-doing", { done, total });
    byId("catch-up-do").hidden = over && ok;
    byId("catch-up-do").disabled = !over;
  }

  tell(key, values) {
    this.said = true;
    byId("catch-up-words").textContent = say(key, values);
    this.draw();
  }
}
