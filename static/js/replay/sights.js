/* The x-ray of a recording: stands where the live feed stands, with the model as it was at a moment.

   A change fits only the observation before it. So going back starts from a place that was kept on the way
   forward, and goes on from there. */

import { Model } from "../xray/model.js";
import { countUntil } from "./journal.js";

const KEEP_EVERY = 64;

export class RecordedSights {
  constructor(events) {
    Object.assign(this, { events, shown: 0, kept: [], words: "", changed: () => {} });
    this.model = new Model();
    for (const name of new Set(events.map((event) => event[2]))) this.model.machine(name);
  }

  /** The panel's feed: the same one however often it is opened. */
  feed(changed) {
    this.changed = changed;
    return this;
  }

  close() {
    this.changed = () => {};
  }

  /** What came while it plays is drawn as new; after a jump nothing is. */
  seek(time, playing) {
    const wanted = countUntil(this.events, time);
    if (wanted === this.shown) return;
    if (wanted < this.shown) this.back(wanted);
    while (this.shown < wanted) this.step();
    if (!playing) for (const machine of this.model.machines.values()) machine.fresh.clear();
    this.changed();
  }

  step() {
    const [, , name, message] = this.events[this.shown];
    const machine = this.model.machine(name);
    if (message.type === "snapshot") machine.snapshot(message.observation);
    else machine.change(message);
    machine.backend = machine.seen?.machine?.self?.backend ?? machine.backend;
    this.shown += 1;
    if (this.shown % KEEP_EVERY === 0) this.kept[this.shown / KEEP_EVERY] ??= this.keep();
  }

  keep() {
    return [...this.model.machines].map(([name, { seen, before, history }]) => ({ name, seen, before, history: [...history] }));
  }

  back(wanted) {
    const place = Math.floor(wanted / KEEP_EVERY);
    for (const machine of this.model.machines.values()) machine.forget();
    for (const { name, seen, before, history } of this.kept[place] ?? []) {
      Object.assign(this.model.machine(name), { seen, before, history: [...history] });
    }
    this.shown = this.kept[place] ? place * KEEP_EVERY : 0;
  }
}
