/* The x-ray's frame below the terminals: which view, which machine, drawing or table, what is
   selected. Nothing is collected on the server while the frame is folded: its socket opens with it. */

import { recall, remember } from "../preferences.js";
import { say } from "../strings.js";
import { makeDivider } from "../divider.js";
import { nothing, render } from "../../vendor/lit-html/lit-html.js";
import { Feed } from "./feed.js";
import { drawDetails, VIEW_OF } from "./details.js";
import { equipPicking, oneTabStop } from "./pick.js";
import { drawTable } from "./table.js";
import { VIEWS } from "./views.js";
import { Compare } from "./views/compare.js";

const byId = (id) => document.getElementById(id);

export class Panel {
  /** address() gives the websocket's address; layout() is called when the terminals' room changed; api asks the lab's API.
      `feed` makes what stands in the place of a live feed: a recording. */
  constructor({ address, layout, api, feed = (changed) => new Feed(address, changed) }) {
    Object.assign(this, { layout, makeFeed: feed });
    this.compare = new Compare({ api, changed: () => this.draw() });
    this.tabs = [...document.querySelectorAll("#xray-tabs [data-view]")];
    this.view = recall("xray-view", "processes");
    if (!this.tabs.some((tab) => tab.dataset.view === this.view)) this.view = "processes";
    this.asTable = recall("xray-table", false);
    this.selected = null;
    this.feed = null;
    byId("xray-toggle").addEventListener("click", () => this.toggle());
    byId("xray-tabs").addEventListener("click", (event) => this.clicked(event));
    byId("xray-tabs").addEventListener("keydown", (event) => this.tabKey(event));
    byId("xray-table").addEventListener("click", () => this.setTable(!this.asTable));
    byId("xray-machine").addEventListener("change", () => this.chooseMachine(byId("xray-machine").value));
    byId("xray-details").addEventListener("click", (event) => this.went(event));
    byId("xray-details").addEventListener("keydown", (event) => { if (event.key === "Escape") this.select(null); });
    equipPicking(byId("xray-view"), (picked) => this.select(picked));
    new ResizeObserver(() => this.draw()).observe(byId("xray-view"));
    makeDivider(byId("xray-divider"), byId("machines"), { axis: "y", name: "xray-split", otherwise: 50 });
    this.markTabs();
    if (recall("xray-open", false)) this.open();
  }

  get isOpen() {
    return !byId("xray-body").hidden;
  }

  toggle() {
    if (this.isOpen) this.fold();
    else this.open();
  }

  open() {
    this.setOpen(true);
    this.feed ??= this.makeFeed(() => this.draw());
    this.draw();
    if (this.view === "compare") this.compare.opened();
  }

  fold() {
    this.setOpen(false);
    this.feed?.close();
    this.feed = null;
  }

  setOpen(open) {
    byId("xray-body").hidden = !open;
    byId("xray-divider").hidden = !open;
    byId("xray-table").hidden = !open;
    byId("machines").classList.toggle("with-xray", open);
    byId("xray-toggle").setAttribute("aria-expanded", String(open));
    remember("xray-open", open);
    this.markTabs();
    this.layout();
  }

  /** A lesson's link: `<view>` or `<view>?kind=uts`, which selects the newest namespace of the kind. */
  follow(address) {
    const [view, query] = address.split("?");
    const kind = new URLSearchParams(query).get("kind");
    const newest = kind && this.feed?.model.machines.get(this.machine)?.all("namespaces")
      .filter((one) => one.kind === kind).sort((a, b) => b.first_seen - a.first_seen)[0];
    this.show(view, newest ? { collection: "namespaces", id: newest.id } : null);
  }

  show(view, selected = null) {
    this.view = view;
    this.selected = selected;
    remember("xray-view", view);
    this.markTabs();
    if (!this.isOpen) return this.open();
    this.draw();
    if (view === "compare") this.compare.opened();
  }

  select(selected) {
    this.selected = selected;
    this.draw();
  }

  /** A word in the details leads to another object. */
  went(event) {
    const to = event.target.closest("[data-go], [data-close]");
    if (!to) return;
    if ("close" in to.dataset) this.select(null);
    else this.show(VIEW_OF[to.dataset.go], { collection: to.dataset.go, id: to.dataset.id });
  }

  clicked(event) {
    const tab = event.target.closest("[data-view]");
    if (tab) this.show(tab.dataset.view);
  }

  tabKey(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.tabs.findIndex((tab) => tab.dataset.view === this.view);
    const next = this.tabs[(at + by + this.tabs.length) % this.tabs.length];
    this.show(next.dataset.view);
    next.focus();
  }

  markTabs() {
    for (const tab of this.tabs) {
      const current = tab.dataset.view === this.view;
      tab.setAttribute("aria-selected", String(current && this.isOpen));
      tab.setAttribute("aria-controls", "xray-view");
      tab.tabIndex = current ? 0 : -1;
    }
    byId("xray-view").setAttribute("aria-labelledby", `xray-tab-${this.view}`);
  }

  setTable(on) {
    this.asTable = on;
    remember("xray-table", on);
    this.draw();
  }

  chooseMachine(name) {
    this.machine = name;
    this.selected = null;
    this.draw();
  }

  draw() {
    if (!this.isOpen || this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = null; if (this.feed) this.paint(); });
  }

  paint() {
    byId("xray-table").setAttribute("aria-pressed", String(this.asTable));
    const model = this.feed?.model;
    const machine = model && this.current(model);
    if (this.view === "compare") return this.paintCompare();
    byId("xray-table").hidden = false;
    this.caution(machine);
    if (!machine?.seen) return render(nothing, byId("xray-view"));
    const context = { machine, selected: this.selected, width: Math.max(280, byId("xray-view").clientWidth - 16) };
    const view = VIEWS[this.view];
    render(this.asTable ? drawTable(view.table(context)) : view.draw(context), byId("xray-view"));
    oneTabStop(byId("xray-view"));
    const details = drawDetails(context);
    byId("xray-details").hidden = !details;
    render(details ?? nothing, byId("xray-details"));
  }

  /** The one view that is of no machine in particular, and a table already. */
  paintCompare() {
    for (const id of ["xray-machine", "xray-table", "xray-note", "xray-details"]) byId(id).hidden = true;
    render(this.compare.draw(), byId("xray-view"));
  }

  /** What the drawing leaves out, and what went wrong with the look. */
  caution(machine) {
    const cut = Object.entries(machine?.seen?.truncated ?? {}).map(([name, count]) => say("xray-truncated", { name, n: count < 0 ? "?" : count }));
    const text = [this.feed.words, machine?.trouble, this.ofMachine(machine), ...cut].filter(Boolean).join(" · ");
    if (byId("xray-note").textContent !== text) byId("xray-note").textContent = text;
    byId("xray-note").hidden = !text;
  }

  /** What a drawing of a virtual machine cannot show, where that might surprise. */
  ofMachine(machine) {
    const told = ["namespaces", "layers"].includes(this.view) && machine?.seen && machine.get("machine", "self")?.backend === "vm";
    return told ? say(`xray-guest-${this.view}`) : "";
  }

  /** The machine in view; the list to choose from shows only when there is a choice. */
  current(model) {
    const names = [...model.machines.keys()];
    const choice = byId("xray-machine");
    choice.hidden = names.length < 2;
    if (choice.childElementCount !== names.length) choice.replaceChildren(...names.map((name) => new Option(name, name)));
    if (!names.includes(this.machine)) this.machine = names[0];
    choice.value = this.machine ?? "";
    return model.machines.get(this.machine);
  }
}
