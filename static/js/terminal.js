/* A terminal in the page: a tab's pane, its screen, its stream, and what it tells the reader. */

import { copy, paste } from "./clipboard.js";
import { Screen } from "./screen.js";
import { Stream } from "./stream.js";
import { say } from "./strings.js";

const RESTART_WAIT = 250;
const ENDED = 4410;

export class TerminalPane {
  /** page: {toast(text), openLink(url), key(event) → handled, titled(pane)} */
  constructor({ machine, n, name, address, page }) {
    Object.assign(this, { machine, n, page });
    this.label = name || say("terminal-name", { machine, n });
    this.key = `${machine}/${n}`;
    this.title = "";
    this.over = false;
    this.waiting = [];
    this.held = null;
    this.element = this.build();
    this.address = address;
  }

  build() {
    const pane = document.createElement("div");
    pane.className = "pane";
    pane.setAttribute("role", "tabpanel");
    pane.setAttribute("aria-label", this.label);
    this.area = document.createElement("div");
    this.area.className = "screen";
    this.status = document.createElement("div");
    this.status.className = "pane-status";
    this.status.setAttribute("role", "status");
    this.status.textContent = say("connecting");
    pane.append(this.area, this.status);
    return pane;
  }

  /** xterm.js measures letters, so it is opened only once the pane is on the page. */
  start() {
    this.screen = new Screen(this.area, {
      typed: (data) => this.typed(data),
      binary: (bytes) => this.stream.typed(bytes),
      resized: () => this.stream.resize(),
      title: (text) => this.retitle(text),
      link: (url) => this.page.openLink(url),
      key: (event) => this.pressed(event),
    });
    this.screen.refit();
    this.connect();
  }

  typed(data) {
    if (this.held) {
      this.held.push(data);
      return;
    }
    if (this.ended) return;
    if (this.over) {
      if (data === "\r") this.restart();
      return;
    }
    if (!this.stream.replaying) this.keyed = performance.now();
    this.stream.typed(data);
  }

  arrived() {
    this.page.stirred?.();
    this.echoed();
  }

  /** From a key to the first byte that came back: what the reader feels as the connection. */
  echoed() {
    if (this.keyed) this.page.echoed(performance.now() - this.keyed);
    this.keyed = 0;
  }

  heard(event, values) {
    const answer = {
      hello: () => this.greeted(values),
      output: () => this.arrived(),
      lost: () => this.show(say("reconnecting", { seconds: Math.max(1, Math.round(values.wait / 1000)) })),
      exit: () => this.exited(values),
      viewers: () => this.viewed(values),
      error: () => this.refused(values),
      disk: () => this.page.disk(this.machine, values),
      final: () => this.show(values.code === ENDED ? say("terminal-ended") : this.status.textContent),
      "too-large": () => this.page.toast(say("too-large")),
    }[event];
    answer?.();
  }

  greeted({ again, missed, title }) {
    this.over = false;
    this.show("");
    if (title) this.retitle(title);
    if (again) this.page.toast(missed > 0 ? say("gap", { bytes: missed }) : say("reconnected"));
    for (const text of this.waiting.splice(0)) this.stream.input(text);
  }

  exited({ code, signal, reason }) {
    this.over = true;
    if (reason === "memory") this.show(say("out-of-memory"));
    else this.show(signal ? say("exited-signal", { signal }) : say("exited", { code }));
  }

  /** Our own words for what the server refuses, where we have them; else the server's. */
  refused({ code, message }) {
    const words = say(`refused-${code}`);
    this.show(words === `refused-${code}` ? message || code : words);
  }

  viewed({ viewers: people }) {
    this.people = people;
    this.drawViewers();
  }

  /** A recorder looks too, but it is hers and has a mark of its own. */
  drawViewers() {
    if (this.over || this.people === undefined) return;
    const n = this.people - (this.page.recorded() ? 1 : 0);
    this.show(n > 1 ? say("viewers", { n }) : "");
  }

  show(text) {
    this.status.textContent = text;
  }

  retitle(text) {
    this.title = text.slice(0, 80);
    this.page.titled(this);
  }

  /** A new shell in the same place: the same address without `since`, once nobody watches the old one. */
  restart() {
    if (!this.screen) return;
    this.stream.close();
    this.screen.reset();
    this.over = false;
    this.show(say("connecting"));
    setTimeout(() => this.connect(), RESTART_WAIT);
  }

  /** Is it attached to a shell? Then nothing is gained by starting anew, and what is typed would be lost. */
  get connected() {
    return Boolean(this.stream?.socket.open && this.stream.received !== null);
  }

  connect() {
    this.stream = new Stream(this.address, this.screen, (event, values) => this.heard(event, values));
  }

  /** Type a lesson's command, exactly as written; kept until the terminal is connected. */
  run(text, { interrupt = false, enter = true } = {}) {
    this.press((interrupt ? "\x03" : "") + text.replace(/\r?\n/g, "\r") + (enter ? "\r" : ""));
  }

  /** The same for keys, as the terminal receives them. */
  press(bytes) {
    if (this.connected) this.stream.input(bytes);
    else this.waiting.push(bytes);
    this.focus();
  }

  pressed(event) {
    if (event.type !== "keydown") return false;
    const interrupt = event.ctrlKey && !event.shiftKey && !event.altKey && !event.metaKey && event.code === "KeyC";
    if (interrupt && this.screen.term.hasSelection()) return this.taken(event, () => this.copySelection());
    const letter = event.ctrlKey && event.shiftKey && !event.altKey ? event.code : "";
    if (letter === "KeyC") return this.taken(event, () => this.copySelection());
    if (letter === "KeyV") return this.taken(event, () => this.pasteClipboard());
    return this.page.key(event);
  }

  taken(event, act) {
    event.preventDefault();
    act();
    return true;
  }

  async copySelection() {
    const text = this.screen.term.getSelection();
    if (!text) return;
    this.screen.term.clearSelection(); // so that the next Ctrl+C interrupts
    this.page.toast(say((await copy(text)) ? "copied" : "copy-refused"));
  }

  /** The clipboard may take a while to answer; keys pressed meanwhile wait, so that none overtakes the paste. */
  async pasteClipboard() {
    this.held ??= [];
    const text = await paste();
    const held = this.held ?? [];
    this.held = null;
    if (text === null) this.page.toast(say("paste-refused"));
    else this.screen.term.paste(text);
    for (const data of held) this.typed(data);
  }

  focus() {
    this.screen?.term.focus();
  }

  text() {
    return this.screen?.text() ?? "";
  }

  /** The lab is over: what is on the screen stays, nothing more comes. */
  end() {
    this.ended = true;
    this.stream?.close();
    this.show(say("terminal-ended"));
  }
}
