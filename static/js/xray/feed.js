/* The x-ray's socket: keeps a model up to date, acknowledges what was taken over, and asks for the
   whole again when a difference does not fit. A hidden page closes it: nothing is collected for
   someone who does not look. */

import { Socket } from "../socket.js";
import { say } from "../strings.js";
import { Model } from "./model.js";

export class Feed {
  /** changed() hears of every new version and of new `words`: what the reader should know, or "". */
  constructor(address, changed) {
    Object.assign(this, { address, changed, words: "" });
    this.model = new Model();
    this.visibility = () => (document.hidden ? this.disconnect() : this.connect());
    document.addEventListener("visibilitychange", this.visibility);
    this.connect();
  }

  connect() {
    if (this.socket) return;
    this.say("xray-waiting");
    this.socket = new Socket(this.address, {
      onText: (message) => this.heard(message),
      onLost: () => this.say("xray-lost"),
      onFinal: () => this.say("xray-ended"),
    });
  }

  say(key) {
    this.words = say(key);
    this.changed();
  }

  disconnect() {
    this.socket?.close();
    this.socket = null;
  }

  close() {
    document.removeEventListener("visibilitychange", this.visibility);
    this.disconnect();
  }

  heard(message) {
    const act = {
      hello: () => this.model.listed(message.machines),
      snapshot: () => this.snapshot(message),
      change: () => this.change(message),
      error: () => { this.model.machine(message.machine).trouble = message.message; },
      bye: () => this.model.machine(message.machine).forget(),
    }[message.type];
    act?.();
    this.changed();
  }

  snapshot({ machine, observation }) {
    this.model.machine(machine).snapshot(observation);
    this.taken(machine, observation.version);
  }

  change(message) {
    if (this.model.machine(message.machine).change(message)) this.taken(message.machine, message.to);
    else this.socket.send({ type: "refresh", machine: message.machine });
  }

  taken(machine, version) {
    this.words = "";
    this.socket.send({ type: "ack", machine, version });
  }
}
