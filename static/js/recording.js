/* Recording a lab: asked for with words of consent, marked while it lasts, stopped by the same button.
   The recorder is the server's; this page only says start, stop, and which terminals it has opened. */

import { ask, notify } from "./dialogs.js";
import { Socket } from "./socket.js";
import { say } from "./strings.js";

const byId = (id) => document.getElementById(id);

/** 83 → "1:23". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Recording {
  /** address(): of the websocket; machines: whose terminals are recorded. */
  constructor({ address, machines }) {
    Object.assign(this, { address, machines });
    this.button = byId("record");
    this.on = this.button.getAttribute("aria-pressed") === "true";
    this.button.addEventListener("click", () => (this.on ? this.askToStop() : this.askToStart()));
    new MutationObserver(() => this.on && this.tell("terminals")).observe(byId("tabs"), { childList: true });
    if (this.on) this.connect();
  }

  get terminals() {
    return [...this.machines.panes.keys()].filter((key) => !key.startsWith("editor/"));
  }

  async askToStart() {
    if ((await ask("record-sheet")) !== "record") return;
    if (!this.terminals.length) return notify(say("record-terminals"));
    this.starting = true;
    if (!this.tell("start", { consent: true })) this.connect();
  }

  async askToStop() {
    byId("record-so-far").textContent = this.soFar;
    if ((await ask("record-stop-sheet")) === "stop" && !this.socket?.send({ type: "stop" })) notify(say("record-offline"));
  }

  connect() {
    this.socket ??= new Socket(this.address, {
      onOpen: () => this.opened(),
      onText: (message) => this.heard(message),
      onLost: () => { if (this.starting) notify(say("record-offline")); this.starting = false; },
    });
  }

  opened() {
    if (this.starting) this.tell("start", { consent: true });
  }

  tell(type, more = {}) {
    return this.socket?.send({ type, terminals: this.terminals, ...more }) ?? false;
  }

  heard(message) {
    if (message.type === "refused") {
      this.starting = false;
      notify(say(`record-${["too-many", "no-room"].includes(message.code) ? message.code : "terminals"}`));
    } else if (message.type === "recording" && !(this.starting && !message.on && !message.code)) {
      this.show(message);
    }
  }

  show({ on, code, seconds, bytes, most_bytes: most, reason }) {
    if (this.on && !on) this.stopped(code, reason);
    this.on = on;
    this.starting = false;
    this.soFar = say("record-so-far", { time: clock(seconds), used: (bytes / 2 ** 20).toFixed(1), most: Math.round(most / 2 ** 20) });
    this.button.setAttribute("aria-pressed", String(on));
    byId("record-words").textContent = say(`record-${on ? "on" : "off"}`);
    byId("record-time").textContent = on ? clock(seconds) : "";
    if (on) byId("recorded").hidden = true;
    for (const pane of this.machines.panes.values()) pane.drawViewers?.();
  }

  stopped(code, reason) {
    notify(say(`record-stopped-${["lab", "full", "time"].includes(reason) ? reason : "user"}`));
    if (!code) return;
    byId("recorded").href = `/recordings/${code}/`;
    byId("recorded").hidden = false;
  }
}
