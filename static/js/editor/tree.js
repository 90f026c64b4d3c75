/* The tree of a machine's files: a list of lists, walked by the arrow keys. A directory is read when it is unfolded. */

import { base, join } from "./files.js";

export class Tree {
  /** options: {label, list(path) → entries, open(path), failed(problem), rename(path), remove(path)} */
  constructor(root, options) {
    Object.assign(this, { root, options, picked: root });
    this.element = document.createElement("ul");
    this.element.className = "tree";
    this.element.setAttribute("role", "tree");
    this.element.setAttribute("aria-label", options.label);
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.top = this.item({ name: root, kind: "directory" }, root, 1);
    this.element.append(this.top);
    this.top.firstChild.tabIndex = 0;
  }

  item({ name, kind }, path, level) {
    const item = document.createElement("li");
    item.setAttribute("role", "none");
    Object.assign(item.dataset, { path, kind });
    const label = document.createElement("div");
    label.className = `tree-label ${kind}`;
    label.setAttribute("role", "treeitem");
    label.setAttribute("aria-level", level);
    label.setAttribute("aria-selected", "false");
    if (kind === "directory") label.setAttribute("aria-expanded", "false");
    label.tabIndex = -1;
    label.textContent = name;
    label.style.setProperty("--level", level);
    label.addEventListener("click", () => this.act(item));
    item.append(label);
    return item;
  }

  /** A file is opened, a directory folded or unfolded. */
  act(item) {
    this.pick(item);
    if (item.dataset.kind === "file") this.options.open(item.dataset.path);
    else if (item.dataset.kind === "directory") return this.unfolded(item) ? this.fold(item) : this.unfold(item);
    return null;
  }

  pick(item) {
    this.picked = item.dataset.path;
    for (const label of this.labels()) {
      label.tabIndex = label.parentElement === item ? 0 : -1;
      label.setAttribute("aria-selected", String(label.parentElement === item));
    }
  }

  unfolded(item) {
    return item.firstChild.getAttribute("aria-expanded") === "true";
  }

  fold(item) {
    item.querySelector(":scope > ul")?.remove();
    item.firstChild.setAttribute("aria-expanded", "false");
  }

  async unfold(item) {
    try {
      const { entries } = await this.options.list(item.dataset.path);
      this.fold(item);
      const level = Number(item.firstChild.getAttribute("aria-level")) + 1;
      const inner = document.createElement("ul");
      inner.setAttribute("role", "group");
      inner.append(...entries.map((entry) => this.item(entry, join(item.dataset.path, entry.name), level)));
      item.append(inner);
      item.firstChild.setAttribute("aria-expanded", "true");
    } catch (problem) {
      this.options.failed(problem);
    }
  }

  /** Read every unfolded directory again; what was unfolded stays so. */
  async refresh() {
    const open = [...this.element.querySelectorAll('[aria-expanded="true"]')].map((label) => label.parentElement.dataset.path);
    const { picked } = this;
    await this.unfold(this.top);
    for (const path of open.slice(1)) {
      const item = this.find(path);
      if (item) await this.unfold(item);
    }
    const again = this.find(picked) ?? this.top;
    this.pick(again);
  }

  /** Unfold the way to a path, and pick it. */
  async reveal(path) {
    if (!this.unfolded(this.top)) await this.unfold(this.top);
    const within = this.root === "/" ? path : path.startsWith(`${this.root}/`) ? path.slice(this.root.length) : "";
    let at = this.root;
    for (const name of within.split("/").slice(1, -1)) {
      at = join(at, name);
      const item = this.find(at);
      if (!item) return;
      if (!this.unfolded(item)) await this.unfold(item);
    }
    const item = this.find(path);
    if (item) this.pick(item);
  }

  find(path) {
    return [...this.element.querySelectorAll("li")].find((item) => item.dataset.path === path);
  }

  labels() {
    return [...this.element.querySelectorAll(".tree-label")];
  }

  /** The directory that something new goes into. */
  get directory() {
    const item = this.find(this.picked) ?? this.top;
    return item.dataset.kind === "directory" ? item.dataset.path : item.dataset.path.slice(0, -base(item.dataset.path).length - 1) || "/";
  }

  key(event) {
    const label = event.target.closest(".tree-label");
    if (!label || event.altKey || event.ctrlKey || event.metaKey) return;
    const item = label.parentElement;
    const labels = this.labels();
    const at = labels.indexOf(label);
    const go = (to) => { if (to) { this.pick(to.parentElement); to.focus(); } };
    const act = {
      ArrowDown: () => go(labels[at + 1]),
      ArrowUp: () => go(labels[at - 1]),
      Home: () => go(labels[0]),
      End: () => go(labels.at(-1)),
      ArrowRight: () => (item.dataset.kind === "directory" && !this.unfolded(item) ? this.unfold(item) : go(item.querySelector(":scope > ul .tree-label"))),
      ArrowLeft: () => (this.unfolded(item) ? this.fold(item) : go(item.parentElement.closest("li")?.firstChild)),
      Enter: () => this.act(item),
      " ": () => this.act(item),
      F2: () => this.options.rename(item.dataset.path),
      Delete: () => this.options.remove(item.dataset.path),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  focus() {
    this.element.querySelector('[tabindex="0"]')?.focus();
  }
}
