/* The way to the editor: a tab that costs nothing until somebody looks at it. */

import { notify } from "../dialogs.js";
import { say } from "../strings.js";

const byId = (id) => document.getElementById(id);
const HOME = "/root";

/** A pane like a terminal's, as far as `Machines` is concerned. */
class EditorPane {
  constructor(machine, root, opening, files) {
    Object.assign(this, { machine, root, opening, files });
    this.label = say("files");
    this.key = `editor/${machine}`;
    this.screen = null;
    this.connected = false;
    this.element = document.createElement("div");
    this.element.className = "pane editor-pane";
    this.element.setAttribute("role", "tabpanel");
  }

  /** Called whenever it comes to the front. */
  start() {
    this.ready ??= this.build();
    this.ready.then((editor) => editor.buffers.follow().then(() => editor.draw(), () => {}));
  }

  async build() {
    const [{ Editor }, { Files }] = await Promise.all([import("./pane.js"), import("./files.js")]);
    this.editor = new Editor(this.element, { machine: this.machine, root: this.root, files: new Files(...this.files) });
    await this.editor.tree.unfold(this.editor.tree.top);
    for (const path of this.opening) await this.editor.open(path);
    return this.editor;
  }

  async open(path, options) {
    (await this.ready).open(path, options);
  }

  focus() {
    this.ready?.then((editor) => editor.focus());
  }

  /** The machine is a fresh one. */
  restart() {
    this.ready?.then((editor) => editor.tree.refresh());
  }

  end() {
    this.element.inert = true;
  }

  text() {
    return this.editor?.buffers.mirror.text() ?? "";
  }
}

/** `{open(path, {machine, line, text}), ran(machine)}`; settings are the lesson's `editor`, or null. */
export function makeEditorDoor({ machines, settings, base, csrf }) {
  const first = () => machines.machines.keys().next().value;
  const absolute = (path) => (path.startsWith("/") ? path : `${settings.root.replace(/\/$/, "")}/${path}`);

  function pane(machine) {
    const name = machine || first();
    if (machines.machines.get(name)?.status !== "running") return null;
    const known = machines.panes.get(`editor/${name}`);
    if (known) return known;
    const mine = settings && name === first();
    return machines.adopt(new EditorPane(name, mine ? settings.root : HOME, mine ? settings.open.map(absolute) : [], [base, csrf]));
  }

  function show(machine) {
    const found = pane(machine);
    if (!found) notify(say("state-starting"));
    else machines.select(found.key, true);
    return found;
  }

  byId("files").addEventListener("click", () => show(machines.current?.machine));
  return {
    open: (path, { machine = "", ...options } = {}) => show(machine)?.open(path, options),
    ran(machine) {
      byId("files").hidden = false;
      if (settings && machine === first()) pane(machine);
    },
  };
}
