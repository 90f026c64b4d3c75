/* Two terminals side by side: the one that is typed into, and beside it the one that was in front before.
   A lab with a container and a virtual machine begins so; else the reader asks for it, and it is remembered. */

import { recall, remember } from "./preferences.js";

const byId = (id) => document.getElementById(id);

export class Split {
  constructor(machines) {
    Object.assign(this, { machines, beside: null, wanted: recall("split", null), wide: matchMedia("(min-width: 761px)") });
    byId("split").addEventListener("click", () => this.toggle());
    byId("panes").addEventListener("focusin", ({ target }) => { if (this.beside?.element.contains(target)) machines.select(this.beside.key); });
    this.wide.addEventListener("change", () => this.again());
  }

  get on() {
    const backends = new Set([...this.machines.machines.values()].map((machine) => machine.backend));
    return this.wide.matches && (this.wanted ?? (backends.has("vm") && backends.has("container")));
  }

  toggle() {
    this.wanted = !this.on;
    remember("split", this.wanted);
    this.again();
  }

  again() {
    if (this.machines.current) this.machines.select(this.machines.current.key);
  }

  /** Which pane stands beside the one in front; `before` was in front until now. */
  choose(current, before) {
    const others = [...this.machines.panes.values()].filter((pane) => pane !== current);
    byId("split").hidden = !others.length || !this.wide.matches;
    byId("split").setAttribute("aria-pressed", String(this.on));
    if (!this.on) this.beside = null;
    else if (!others.includes(this.beside)) this.beside = others.find((pane) => pane === before) ?? others.find((pane) => pane.machine !== current.machine) ?? others[0] ?? null;
    byId("panes").classList.toggle("split", Boolean(this.beside));
    return this.beside;
  }
}
