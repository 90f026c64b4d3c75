/* The race: so many containers and virtual machines are started at the same moment, and each bar grows until its
   machine has run a first command. The server tells the whole race at each arrival; between two, the bars of those
   that are still on their way grow by the page's own clock, unless the reader wants no motion. */

import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js";
import { say } from "../strings.js";
import { duration, number } from "./words.js";

const TICK_MS = 100;
const FIRST = { container: 5, vm: 1 };
const KINDS = ["container", "vm"];

export class Race {
  constructor({ api, changed }) {
    Object.assign(this, { api, changed, most: { container: 10, vm: 3 }, wanted: { ...FIRST }, seen: null, began: 0, words: "", asked: false });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** What a fresh table says of races: how many are allowed, and the lab's last one. */
  offered({ most, race }) {
    this.most = most;
    if (race && !this.seen) this.seen = race;
  }

  /** A message of the lab's control socket. */
  heard(message) {
    if (message.race !== this.seen?.race) this.began = performance.now();
    this.seen = message;
    this.asked = false;
    this.words = message.state === "over" ? summary(message.racers) : say("race-on");
    this.tick();
    this.changed();
  }

  tick() {
    clearInterval(this.timer);
    if (this.on && !this.still.matches) this.timer = setInterval(() => (this.on ? this.changed() : clearInterval(this.timer)), TICK_MS);
  }

  get on() {
    return this.seen?.state === "on" && performance.now() - this.began < 90000;
  }

  async start(event) {
    event.preventDefault();
    this.asked = true;
    this.words = "";
    this.changed();
    try {
      await this.api("POST", "/race", { containers: this.wanted.container, vms: this.wanted.vm });
    } catch (problem) {
      this.asked = false;
      this.words = refusal(problem);
    }
    this.changed();
  }

  draw() {
    return html`<section class="race" aria-labelledby="race-title">
      <h3 id="race-title">${say("race-title")}</h3>
      <p class="soft">${say("race-words")}</p>
      <form @submit=${(event) => this.start(event)}>
        ${KINDS.map((kind) => this.field(kind))}
        <button ?disabled=${this.asked || this.on}>${say("race-start")}</button>
      </form>
      <p role="status">${this.words || (this.seen?.state === "over" ? summary(this.seen.racers) : "")}</p>
      ${this.seen ? this.lanes() : nothing}
    </section>`;
  }

  field(kind) {
    const changed = (event) => { this.wanted[kind] = Math.min(this.most[kind], Math.max(0, Math.trunc(Number(event.target.value) || 0))); };
    return html`<label>${say(`race-${kind}s`)} <input type="number" name=${kind} min="0" max=${this.most[kind]} required .value=${String(this.wanted[kind])} @change=${changed}></label>`;
  }

  lanes() {
    const { racers } = this.seen;
    const elapsed = this.on && this.began ? performance.now() - this.began : 0;
    const longest = Math.max(1, elapsed, ...racers.map((racer) => racer.ms ?? 0));
    return html`<ol class="lanes" data-state=${this.seen.state}>${racers.map((racer) => lane(racer, elapsed, longest))}</ol>`;
  }
}

function lane({ kind, number: place, ms, made_ms: made, error }, elapsed, longest) {
  const words = error ? say("race-failed") : ms === null ? say("race-running") : duration(ms);
  const width = (value) => `${Math.max(0.6, (100 * value) / longest)}%`;
  return html`<li class=${kind} data-done=${ms !== null}>
    <span>${say(`race-${kind}`, { n: place })}</span>
    <svg class="lane" width="100%" height="12" aria-hidden="true">${svg`<rect class="bed" width="100%" height="12" rx="3"></rect><rect class="run" width=${width(ms ?? elapsed)} height="12" rx="3"></rect>${made && kind === "vm" ? svg`<rect class="made" width=${width(made)} height="12" rx="3"></rect>` : svg``}`}</svg>
    <span class="ms" title=${error}>${words}</span></li>`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

/** One sentence for the whole race. */
function summary(racers) {
  const times = Object.fromEntries(KINDS.map((kind) => [kind, racers.filter((racer) => racer.kind === kind && racer.ms !== null).map((racer) => racer.ms)]));
  const parts = KINDS.filter((kind) => times[kind].length).map((kind) => say(`race-median-${kind}`, { n: number(times[kind].length), time: duration(median(times[kind])) }));
  if (times.container.length && times.vm.length) parts.push(say("race-times", { n: number(Math.round(median(times.vm) / median(times.container))) }));
  return parts.join(" ");
}

function refusal(problem) {
  const known = ["race-rest", "race-room", "race-busy"].includes(problem.code);
  if (known) return say(problem.code);
  return problem.status ? problem.message : say("request-failed");
}
