/* A step may set something up as it opens. Until that is done its commands would meet a world half made: they wait. */

import { say } from "./strings.js";

const PATIENCE = 30000; // the news may be lost; the buttons must not be

export class Preparing {
  /** steps: those of the page's first data; `setup` says that one sets something up. */
  constructor(steps) {
    this.due = new Set(steps.filter((step) => step.setup).map((step) => step.id));
  }

  /** She has turned to it, for the first time in this page's life. */
  opened(step) {
    if (!this.due.delete(step)) return;
    this.hold(step, true);
    setTimeout(() => this.heard(step), PATIENCE);
  }

  /** The server has done what the step wanted done. */
  heard(step) {
    this.due.delete(step);
    if (this.article(step)?.querySelector(".preparing")) this.hold(step, false);
  }

  article(step) {
    return document.querySelector(`[data-step="${CSS.escape(step)}"]`);
  }

  hold(step, held) {
    const article = this.article(step);
    for (const button of article.querySelectorAll(".code .run")) button.disabled = held;
    if (!held) return article.querySelector(".preparing").remove();
    const note = document.createElement("p");
    note.className = "preparing";
    note.setAttribute("role", "status");
    note.textContent = say("preparing");
    article.querySelector("h1").after(note);
  }
}
