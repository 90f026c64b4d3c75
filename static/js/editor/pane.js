/* The editor's pane among the terminals: tree, open files, text. All of it is built when it is first shown. */

import { ask, notify } from "../dialogs.js";
import { say } from "../strings.js";
import { Buffers } from "./buffers.js";
import { base, folder, join, reason } from "./files.js";
import { makeMirror } from "./mirror.js";
import { Tree } from "./tree.js";

const byId = (id) => document.getElementById(id);

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function button(key, act, className = "quiet") {
  const made = element("button", className, say(key));
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

export class Editor {
  /** Built into `place`. files: the API; root: the tree's top. */
  constructor(place, { machine, root, files }) {
    Object.assign(this, { place, machine, files });
    this.tree = new Tree(root, {
      label: say("files"), list: (path) => files.list(machine, path), open: (path) => this.open(path), failed: (problem) => this.failed(problem),
      rename: (path) => this.rename(path), remove: (path) => this.remove(path),
    });
    this.build();
    const mirror = makeMirror({ parent: this.area, label: say("editor-text"), changed: () => this.changed(), save: () => this.save() });
    this.buffers = new Buffers({ mirror, read: (path) => files.read(machine, path), save: (path, text, version) => files.save(machine, path, text, version) });
    this.draw();
    addEventListener("beforeunload", (event) => { if (this.buffers.unsaved) event.preventDefault(); });
  }

  build() {
    const side = element("div", "file-side");
    const acts = element("div", "file-acts");
    this.input = Object.assign(document.createElement("input"), { type: "file", multiple: true, hidden: true });
    this.input.addEventListener("change", () => this.upload([...this.input.files]));
    acts.append(button("new-file", () => this.create(false)), button("new-folder", () => this.create(true)), button("upload", () => this.input.click()), button("refresh", () => this.tree.refresh()), this.input);
    side.append(acts, this.tree.element);
    side.addEventListener("dragover", (event) => event.preventDefault());
    side.addEventListener("drop", (event) => { event.preventDefault(); this.upload([...event.dataTransfer.files]); });
    const sheet = element("div", "file-sheet");
    this.names = element("div", "file-names");
    this.bar = element("div", "file-bar");
    this.toggle = button("files", () => this.place.classList.toggle("with-tree"), "quiet tree-toggle");
    this.where = element("code", "file-path");
    this.stateOf = element("span", "file-state");
    this.stateOf.setAttribute("role", "status");
    this.store = button("editor-save", () => this.save(), "primary");
    this.down = Object.assign(element("a", "button quiet", say("download")), { download: "" });
    this.forCurrent = [button("rename", () => this.rename(this.buffers.current.path)), button("remove", () => this.remove(this.buffers.current.path)), this.down, this.store];
    this.bar.append(this.toggle, this.where, this.stateOf, ...this.forCurrent);
    this.area = element("div", "file-text");
    this.empty = element("p", "file-empty", say("editor-empty"));
    sheet.append(this.names, this.bar, this.empty, this.area);
    this.place.append(side, sheet);
    this.place.classList.add("with-tree");
  }

  failed(problem) {
    notify(reason(problem));
  }

  /** Open a file, on a line if one is named. */
  async open(path, { line = 0, text } = {}) {
    try {
      const buffer = await this.buffers.show(path, text);
      if (line) this.buffers.mirror.goTo(line);
      if (matchMedia("(max-width: 760px)").matches) this.place.classList.remove("with-tree");
      this.draw();
      this.tree.reveal(path);
      if (buffer.text !== null) this.buffers.mirror.focus();
    } catch (problem) {
      this.failed(problem);
    }
  }

  changed() {
    const { current } = this.buffers;
    if (!current || current.dirty) return;
    current.dirty = true;
    this.draw();
  }

  async save(version) {
    const { current } = this.buffers;
    if (!current || current.text === null || this.saving) return;
    this.saving = true;
    try {
      await this.buffers.store(version);
      this.draw();
      notify(say("saved", { path: current.path }));
      if (!this.tree.find(current.path)) await this.tree.refresh();
    } catch (problem) {
      if (["changed", "exists"].includes(problem.code) && version === undefined) this.saving = await this.settle(current);
      else this.failed(problem);
    }
    this.saving = false;
  }

  /** Somebody else has written the file: she chooses whose text stays. */
  async settle(buffer) {
    this.saving = false;
    byId("conflict-text").textContent = say("conflict", { path: buffer.path });
    const chosen = await ask("conflict-sheet");
    if (chosen === "mine") await this.save("any");
    else if (chosen === "theirs") await this.buffers.again(buffer).catch((problem) => this.failed(problem));
    this.draw();
  }

  async named(title, value) {
    byId("name-title").textContent = title;
    byId("name-text").value = value;
    const answer = ask("name-sheet");
    byId("name-text").select();
    if ((await answer) !== "ok") return "";
    const name = byId("name-text").value.trim();
    return name && !/^\.{0,2}$|\0/.test(name) ? name : "";
  }

  async create(directory) {
    const { tree } = this;
    const parent = tree.directory;
    const name = await this.named(say(directory ? "new-folder-in" : "new-file-in", { path: parent }), "");
    if (!name) return;
    const path = name.startsWith("/") ? name : join(parent, name);
    try {
      if (directory) await this.files.makeDirectory(this.machine, path);
      else await this.files.save(this.machine, path, "", "new");
      await tree.refresh();
      if (directory) await tree.reveal(path);
      else await this.open(path);
    } catch (problem) {
      this.failed(problem);
    }
  }

  async rename(path) {
    if (path === this.tree.root) return;
    const name = await this.named(say("rename-of", { path }), base(path));
    if (!name || name === base(path)) return;
    const to = name.startsWith("/") ? name : join(folder(path), name);
    try {
      await this.files.rename(this.machine, path, to);
      this.buffers.renamed(path, to);
      if (this.buffers.current) this.buffers.mirror.setPath(this.buffers.current.path);
      await this.tree.refresh();
      await this.tree.reveal(to);
      this.draw();
    } catch (problem) {
      this.failed(problem);
    }
  }

  async remove(path) {
    if (path === this.tree.root) return;
    byId("remove-text").textContent = say("remove-of", { path });
    if ((await ask("remove-sheet")) !== "remove") return;
    try {
      await this.files.remove(this.machine, path);
      for (const open of [...this.buffers.open.keys()]) if (open === path || open.startsWith(`${path}/`)) await this.shut(open);
      await this.tree.refresh();
      this.tree.focus();
    } catch (problem) {
      this.failed(problem);
    }
  }

  async upload(chosen) {
    const parent = this.tree.directory;
    for (const file of chosen) {
      try {
        await this.files.upload(this.machine, join(parent, file.name), file, (percent) => { this.stateOf.textContent = say("uploading", { name: file.name, percent }); });
        notify(say("uploaded", { name: file.name }));
      } catch (problem) {
        this.failed(problem);
      }
    }
    this.input.value = "";
    this.draw();
    await this.tree.refresh();
  }

  async close(path) {
    if (this.buffers.open.get(path).dirty) {
      byId("discard-text").textContent = say("discard", { path });
      if ((await ask("discard-sheet")) !== "discard") return;
    }
    await this.shut(path);
  }

  async shut(path) {
    const next = this.buffers.close(path);
    if (!this.buffers.current && next) await this.buffers.show(next);
    this.draw();
  }

  draw() {
    const { current, open } = this.buffers;
    this.names.replaceChildren(...[...open.values()].map((buffer) => this.name(buffer, buffer === current)));
    this.names.hidden = open.size < 1;
    this.empty.hidden = Boolean(current) && current.text !== null;
    this.empty.textContent = current ? say(`edit-is-${current.why}`) : say("editor-empty");
    this.area.hidden = !current || current.text === null;
    this.where.textContent = current?.path ?? "";
    this.stateOf.textContent = current?.dirty ? say("unsaved") : "";
    for (const act of this.forCurrent) act.hidden = !current;
    this.store.hidden = !current || current.text === null;
    if (current) this.down.href = this.files.raw(this.machine, current.path);
  }

  name(buffer, front) {
    const whole = element("span", "file-name");
    const show = element("button", "quiet", base(buffer.path) + (buffer.dirty ? " ●" : ""));
    Object.assign(show, { type: "button", title: buffer.path });
    show.setAttribute("aria-pressed", String(front));
    show.addEventListener("click", () => this.open(buffer.path));
    const shut = element("button", "quiet icon", "×");
    shut.type = "button";
    shut.setAttribute("aria-label", say("close-file", { path: buffer.path }));
    shut.addEventListener("click", () => this.close(buffer.path));
    whole.append(show, shut);
    return whole;
  }

  focus() {
    if (this.buffers.current && this.buffers.current.text !== null) this.buffers.mirror.focus();
    else this.tree.focus();
  }
}
