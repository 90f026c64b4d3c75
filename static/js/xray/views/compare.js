/* Compare: a container, a virtual machine and their host, row by row, measured when the view is opened and
   whenever somebody asks again. It is a table and nothing else; below it is the race. */

import { html, nothing } from "../../../vendor/lit-html/lit-html.js";
import { runsBy } from "../../boot.js";
import { say } from "../../strings.js";
import { Race } from "../race.js";
import { bytes, duration, number, span } from "../words.js";

const KINDS = ["container", "vm", "host"];
const STALE_MS = 10000; // an older table is measured again when the view is opened

export class Compare {
  /** api(method, path, body) asks the lab's API; changed() has the view drawn again. */
  constructor({ api, changed }) {
    Object.assign(this, { api, changed, answer: null, trouble: "", busy: false, at: -Infinity });
    this.race = new Race({ api, changed });
  }

  opened() {
    if (performance.now() - this.at > STALE_MS) this.measure();
  }

  async measure() {
    if (this.busy) return;
    this.busy = true;
    this.changed();
    try {
      this.answer = await this.api("GET", "/compare");
      this.at = performance.now();
      this.trouble = "";
      this.race.offered(this.answer);
    } catch (problem) {
      this.trouble = problem.status ? problem.message : say("request-failed");
    }
    this.busy = false;
    this.changed();
  }

  table() {
    return null;
  }

  draw() {
    return html`<div class="compare">
      <p class="compare-head"><button type="button" ?disabled=${this.busy} @click=${() => this.measure()}>${say("compare-again")}</button>
        <span class="soft" role="status">${this.busy ? say("compare-measuring") : this.trouble || this.measured()}</span></p>
      ${this.answer ? drawTable(this.answer) : nothing}
      ${this.answer ? this.race.draw() : nothing}
    </div>`;
  }

  measured() {
    if (!this.answer) return "";
    const time = new Date(this.answer.time * 1000).toLocaleTimeString(document.documentElement.lang);
    return say("compare-measured", { time, ms: Math.round(this.answer.took_ms) });
  }
}

function drawTable({ columns, rows }) {
  return html`<div class="compare-scroll" tabindex="0" role="region" aria-label=${say("compare-caption")}><table class="xray-table compare-table"><caption>${say("compare-caption")}</caption>
    <thead><tr><td></td>${KINDS.map((kind) => head(kind, columns[kind]))}</tr></thead>
    <tbody>${rows.map((row) => html`<tr data-row=${row.id}>
      <th scope="row">${say(`compare-${row.id}`)} <small>${say(row.inside ? "compare-inside" : "compare-outside")}</small></th>
      ${KINDS.map((kind) => html`<td data-kind=${kind}>${cell(row, kind, columns[kind])}</td>`)}</tr>`)}</tbody></table></div>`;
}

function head(kind, column) {
  const name = column?.name ? html` <small>${column.name}</small>` : nothing;
  return html`<th scope="col" data-kind=${kind}>${say(`compare-column-${kind}`)}${name}</th>`;
}

function cell(row, kind, column) {
  const { id, unit, [kind]: value } = row;
  if (!column) return html`<span class="soft">${say("compare-no-machine")}</span>`;
  if (column.status !== "running") return html`<span class="soft">${say(kind === "vm" && column.status === "starting" ? "state-booting" : `state-${column.status}`)}</span>`;
  if (value === null || value === undefined) return html`<span class="soft">${missing(id, kind)}</span>`;
  return SHOWN[unit](value);
}

/** Why a cell is empty, where that is part of the lesson. */
function missing(id, kind) {
  const known = { "accelerator container": "compare-own-processor", "accelerator host": "compare-own-processor", "start host": "compare-before-us" };
  const key = known[`${id} ${kind}`];
  return key ? say(key) : "–";
}

const SHOWN = {
  text: (value) => html`<span class="mono">${value}</span>`,
  ms: (value) => duration(value),
  seconds: (value) => span(value),
  bytes,
  count: number,
  accelerator: (value) => {
    const how = runsBy(value);
    return html`${how.word}${value.restored ? ` · ${say("compare-restored")}` : ""} <small>${how.reason}</small>`;
  },
  clock: ({ source, off_ms: off, doubt_ms: doubt }) => html`<span class="mono">${source}</span> <small>${say("compare-off", { off: `${off > 0 ? "+" : ""}${number(Math.round(off))}`, doubt: number(Math.ceil(doubt)) })}</small>`,
  map: (rows) => html`${rows.map(([inside, outside, count]) => html`<span class="mono map">${inside} → ${outside} (×${number(count)})</span>`)}`,
};
