/* The replay page: terminals and x-ray of a recording on one time-line. */

import { Panel } from "./xray/panel.js";
import { say } from "./strings.js";
import { readJournal } from "./replay/journal.js";
import { Player } from "./replay/player.js";
import { RecordedScreen } from "./replay/screens.js";
import { RecordedSights } from "./replay/sights.js";

const byId = (id) => document.getElementById(id);
const boot = JSON.parse(byId("replay-data").textContent);
const JUMP = 5; // seconds an arrow key goes
const NOTE_SECONDS = 4;

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

class Replay {
  constructor(journal) {
    this.journal = journal;
    this.seconds = Math.max(journal.seconds, 0.1);
    this.screens = new Map();
    for (const [key, events] of journal.terminals) this.open(key, events);
    this.select(this.screens.keys().next().value);
    this.sights = new RecordedSights(journal.sights);
    this.panel = new Panel({ layout: () => {}, feed: (changed) => this.sights.feed(changed) });
    if (!this.panel.isOpen) this.panel.open();
    this.player = new Player(this.seconds, (at, playing) => this.show(at, playing));
    this.equip();
    this.player.seek(this.seconds); // the end is the fullest picture; play begins at the beginning
  }

  open(key, events) {
    const pane = document.createElement("div");
    pane.className = "pane";
    pane.setAttribute("role", "tabpanel");
    const area = document.createElement("div");
    area.className = "screen recorded-screen";
    pane.append(area);
    byId("panes").append(pane);
    const tab = document.createElement("button");
    Object.assign(tab, { type: "button", className: "tab", textContent: key.replace("/", " · "), id: `tab-${key.replace("/", "-")}` });
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => this.select(key));
    byId("tabs").append(tab);
    pane.setAttribute("aria-labelledby", tab.id);
    this.screens.set(key, { pane, tab, screen: new RecordedScreen(area, events) });
  }

  select(key) {
    for (const [name, { pane, tab, screen }] of this.screens) {
      pane.hidden = name !== key;
      tab.setAttribute("aria-selected", String(name === key));
      tab.tabIndex = name === key ? 0 : -1;
      if (name === key) this.current = screen;
    }
    this.current?.fit();
  }

  turn(by) {
    const keys = [...this.screens.keys()];
    const at = keys.findIndex((key) => this.screens.get(key).screen === this.current);
    const key = keys[(at + by + keys.length) % keys.length];
    this.select(key);
    this.screens.get(key).tab.focus();
  }

  show(at, playing) {
    for (const { screen } of this.screens.values()) screen.seek(at);
    this.sights.seek(at, playing);
    byId("moment").value = at;
    byId("moment").setAttribute("aria-valuetext", `${clock(at)} / ${clock(this.seconds)}`);
    byId("moment-words").textContent = `${clock(at)} / ${clock(this.seconds)}`;
    byId("play").setAttribute("aria-pressed", String(playing));
    byId("play").setAttribute("aria-label", byId("play").dataset[playing ? "pause" : "play"]);
    this.remark(at);
  }

  /** What is missing at this moment is said. */
  remark(at) {
    const mark = this.journal.marks.findLast(([time]) => time <= at && at - time < NOTE_SECONDS);
    const text = mark ? say(mark[3] === "new" ? "replay-new" : "replay-gap", { terminal: mark[2], n: mark[4] }) : "";
    if (byId("replay-note").textContent !== text) byId("replay-note").textContent = text;
  }

  equip() {
    byId("moment").max = this.seconds;
    byId("moment").addEventListener("input", () => this.player.seek(Number(byId("moment").value)));
    byId("play").addEventListener("click", () => this.player.toggle());
    byId("speed").addEventListener("change", () => { this.player.speed = Number(byId("speed").value); });
    byId("tabs").addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.turn(by);
    });
    document.addEventListener("keydown", (event) => this.key(event));
    byId("transport").hidden = false;
  }

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const { target } = event;
    const slider = target === byId("moment");
    const busy = !slider && target.closest("input, select, button, a, summary, [role=tablist], #xray");
    if (busy) return;
    const act = {
      " ": () => this.player.toggle(),
      ArrowLeft: () => this.player.seek(this.player.at - JUMP),
      ArrowRight: () => this.player.seek(this.player.at + JUMP),
      Home: () => this.player.seek(0),
      End: () => this.player.seek(this.seconds),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

byId("copy-link")?.addEventListener("click", async () => {
  byId("share-link").select();
  await navigator.clipboard.writeText(byId("share-link").value).catch(() => {}); // it is selected: Ctrl+C copies it
  byId("copy-link").textContent = byId("copy-link").dataset.done;
});

readJournal(boot.journal).then((journal) => {
  if (!journal.terminals.size && !journal.sights.length) {
    byId("replay-note").textContent = say("replay-empty");
    return;
  }
  window.vitrine = { replay: new Replay(journal), text: () => window.vitrine.replay.current?.text() ?? "" };
}).catch((error) => { byId("replay-note").textContent = say("replay-failed", { reason: error.message }); });
