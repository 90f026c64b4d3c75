/* The right-hand side: machines, their state, the tabs of their terminals. */

import { booting, runClocks, stateTitle, stateWords } from "./boot.js";
import { notify, openLink } from "./dialogs.js";
import { Split } from "./split.js";
import { say } from "./strings.js";
import { TerminalPane } from "./terminal.js";
import { drawWaterfall } from "./waterfall.js";

const MOST_TERMINALS = 8;
const NEARLY_FULL = 90; // percent
const COMING = new Set(["requested", "queued", "starting"]);
const byId = (id) => document.getElementById(id);

export class Machines {
  /** options: {address(machine, n), key(event) → handled, retry(machine), echoed(ms)} */
  constructor(sandboxes, options) {
    this.options = options;
    this.machines = new Map();
    this.panes = new Map();
    this.current = null;
    this.full = new Map();
    this.page = { toast: notify, openLink, key: options.key, titled: (pane) => this.retitle(pane), disk: (machine, fill) => this.disk(machine, fill), echoed: options.echoed, recorded: options.recorded, stirred: options.stirred };
    this.split = new Split(this);
    byId("add-terminal").addEventListener("click", () => this.add());
    byId("tabs").addEventListener("keydown", (event) => this.tabKey(event));
    for (const sandbox of sandboxes) this.update(sandbox);
    runClocks();
  }

  /** Its terminal has answered, so it runs, whatever the row said when it was read. */
  answered(name) {
    this.update({ name, status: "running", answered: true });
  }

  /** A machine's row, whole or in part; the message's own `type` is not part of it. */
  update({ type, ...sandbox }) {
    const before = this.machines.get(sandbox.name) ?? {};
    // Each change of a row's status counts one; from waiting in line to starting are two. A fresh machine is further on.
    const older = !(sandbox.generation > before.generation + 2);
    if (before.answered && older && COMING.has(sandbox.status)) delete sandbox.status; // read before it ran
    else if (sandbox.status && sandbox.status !== "running") sandbox.answered = false;
    if (before.generation > sandbox.generation) return; // overtaken by a later one on its way
    const machine = { ...before, ...sandbox };
    if (!COMING.has(before.status)) machine.began = performance.now() - 1000 * (sandbox.age ?? 0);
    this.machines.set(machine.name, machine);
    if (machine.status !== "running") this.disk(machine.name, { percent: 0 });
    if (machine.status === "running" && before.status !== "running") this.opened(machine);
    this.draw();
  }

  opened(machine) {
    const again = [...this.panes.values()].filter((pane) => pane.machine === machine.name);
    for (const pane of again) if (!pane.connected) pane.restart();
    const wanted = machine.terminals?.length ?? 1;
    for (let n = 1; n <= wanted && !again.length; n += 1) this.open(machine.name, n);
    this.options.ran?.(machine.name);
    if (!this.current) this.select(this.panes.keys().next().value);
    else if (!this.split.beside) this.split.again();
  }

  open(machine, n) {
    const name = this.machines.get(machine)?.terminals?.find((each) => each.n === n)?.name;
    return this.adopt(new TerminalPane({ machine, n, name, address: this.options.address(machine, n), page: this.page }));
  }

  /** One more pane with its tab: a terminal, or the editor. */
  adopt(pane) {
    this.panes = new Map([...this.panes, [pane.key, pane]].sort(([, a], [, b]) => this.rank(a) - this.rank(b)));
    pane.element.hidden = true;
    byId("panes").append(pane.element);
    pane.tab = this.makeTab(pane);
    return pane;
  }

  /** Tabs stand as the lesson names the machines, whichever of them was ready first; what is no terminal stands last. */
  rank({ machine, n }) {
    const place = [...this.machines.keys()].indexOf(machine);
    return place < 0 || n === undefined ? Number.MAX_SAFE_INTEGER : place * 100 + n;
  }

  makeTab(pane) {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.className = "tab";
    tab.setAttribute("role", "tab");
    tab.id = `tab-${pane.key.replace("/", "-")}`;
    tab.append(document.createElement("span"), document.createElement("span"));
    tab.firstChild.textContent = pane.label;
    tab.lastChild.className = "tab-title";
    tab.addEventListener("click", () => this.select(pane.key, true));
    pane.element.setAttribute("aria-labelledby", tab.id);
    const keys = [...this.panes.keys()];
    byId("tabs").insertBefore(tab, this.panes.get(keys[keys.indexOf(pane.key) + 1])?.tab ?? null);
    return tab;
  }

  retitle(pane) {
    const known = pane.title === pane.key.split("/")[0]; // the machine's name stands in the label already
    pane.tab.lastChild.textContent = known ? "" : pane.title;
    pane.tab.title = pane.title;
  }

  select(key, focus = false) {
    const pane = this.panes.get(key);
    if (!pane) return null;
    const beside = this.split.choose(pane, this.current);
    this.current = pane;
    for (const other of this.panes.values()) {
      other.element.hidden = other !== pane && other !== beside;
      other.tab.setAttribute("aria-selected", String(other === pane));
      other.tab.tabIndex = other === pane ? 0 : -1;
    }
    this.draw(); // the drawing of the start gives way first: the screen measures its room
    for (const shown of beside ? [pane, beside] : [pane]) {
      if (!shown.screen) shown.start();
      else shown.screen.refit();
    }
    if (focus) pane.focus();
    return pane;
  }

  /** The room of the terminals has changed. */
  refit() {
    for (const pane of this.panes.values()) if (!pane.element.hidden) pane.screen?.refit();
  }

  nth(n, focus = true) {
    return this.select([...this.panes.keys()][n - 1], focus);
  }

  /** One more shell in the machine of the tab in front. */
  add() {
    const machine = this.current?.machine ?? this.machines.keys().next().value;
    const taken = [...this.panes.values()].filter((pane) => pane.machine === machine).map((pane) => pane.n);
    const free = Array.from({ length: MOST_TERMINALS }, (_, i) => i + 1).find((n) => !taken.includes(n));
    if (free) this.select(this.open(machine, free).key, true);
    this.draw();
  }

  /** The pane a lesson's command belongs to, opened if need be. */
  pane(machine, n = 1) {
    const name = machine || this.current?.machine || this.machines.keys().next().value;
    if (this.machines.get(name)?.status !== "running") return null;
    if (!this.panes.has(`${name}/${n}`)) this.open(name, n);
    return this.select(`${name}/${n}`);
  }

  tabKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.current) return;
    const keys = [...this.panes.keys()];
    const to = (keys.indexOf(this.current.key) + step + keys.length) % keys.length;
    this.select(keys[to]).tab.focus();
  }

  /** A virtual machine takes its time: its place among the tabs says so until its terminals are there. */
  drawComing() {
    const coming = [...this.machines.values()].filter(booting);
    const wanted = new Set(coming.map((machine) => machine.name));
    for (const tab of [...byId("tabs").querySelectorAll(".coming")]) {
      if (wanted.delete(tab.dataset.machine)) byId("tabs").append(tab); // behind the tabs that are there by now
      else tab.remove();
    }
    for (const machine of coming) if (wanted.has(machine.name)) byId("tabs").append(comingTab(machine));
  }

  draw() {
    byId("machine-state").replaceChildren(...[...this.machines.values()].map(stateLabel));
    this.drawComing();
    const troubled = [...this.machines.values()].find((machine) => machine.status !== "running");
    this.notice(troubled);
    const making = troubled && ["requested", "starting", "failed"].includes(troubled.status) ? troubled : null;
    byId("waterfall").hidden = !making || (this.current && making.status !== "failed");
    if (making) drawWaterfall(byId("waterfall"), making);
    byId("add-terminal").hidden = !this.current || this.panes.size >= MOST_TERMINALS * this.machines.size;
    byId("find").hidden = !this.current;
    if (this.current) this.current.element.hidden = Boolean(making && making.name === this.current.machine);
  }

  notice(machine) {
    const place = byId("notice");
    const words = machine ? trouble(machine) : null;
    place.className = `notice ${words?.kind ?? ""}`;
    const text = document.createElement("span");
    text.textContent = words?.text ?? "";
    place.replaceChildren(...(words?.place ? [numeral(words.place)] : []), ...(words ? [text] : []));
    if (words?.retry) place.append(this.retryButton(machine));
  }

  /** How full its disk is: said from nine tenths on. */
  disk(machine, { of, percent, left }) {
    if (percent < NEARLY_FULL) this.full.delete(machine);
    else this.full.set(machine, say(`disk-${of}`, { machine, percent, left: of === "bytes" ? Math.floor(left / 1e6) : left }));
    byId("disk-notice").textContent = [...this.full.values()].join(" ");
  }

  retryButton(machine) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say("try-again");
    button.addEventListener("click", () => { button.disabled = true; this.options.retry(machine.name); });
    return button;
  }

  transcript() {
    return [...this.panes.values()].filter((pane) => pane.screen)
      .map((pane) => `# ${pane.label}\n${pane.text()}\n`).join("\n");
  }

  apply() {
    for (const pane of this.panes.values()) pane.screen?.apply();
  }

  close() {
    for (const pane of this.panes.values()) pane.end();
  }
}

/** The place in the line, large; the sentence beside it says the same. */
function numeral(place) {
  const label = document.createElement("span");
  label.className = "place";
  label.setAttribute("aria-hidden", "true");
  label.textContent = place;
  return label;
}

function stateLabel(machine) {
  const label = document.createElement("span");
  label.className = "state";
  label.dataset.state = machine.status;
  label.title = stateTitle(machine);
  label.append(...stateWords(machine));
  return label;
}

function comingTab(machine) {
  const tab = document.createElement("span");
  tab.className = "tab coming state";
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-disabled", "true");
  tab.setAttribute("aria-selected", "false");
  tab.dataset.state = machine.status;
  tab.dataset.machine = machine.name;
  tab.append(...stateWords(machine));
  return tab;
}

function lostWords({ name, error }) {
  const known = ["off", "restarted", "panic", "killed"].includes(error?.code);
  return known ? `${say("vm-ended", { machine: name })} ${say(`vm-ended-${error.code}`)}` : say("lost", { machine: name });
}

function trouble(machine) {
  const { status, name: label, place, error } = machine;
  if (status === "queued") return { kind: "wait", place: place ?? "…", text: say("place", { place: place ?? "…" }) };
  if (status === "lost") return { kind: "bad", text: lostWords(machine), retry: true };
  if (status !== "failed") return null;
  const head = error?.step ? say("failed-at", { machine: label, step: error.step }) : say("failed", { machine: label });
  return { kind: "bad", text: [head, error?.message].filter(Boolean).join(": "), retry: true };
}
