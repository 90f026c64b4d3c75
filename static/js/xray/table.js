/* A drawing's facts as a table: for those who do not see it, or who want to copy it. */

import { html } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";

/** table: {caption, columns: [text], rows: [{key, cells: [text], pick: {collection, id} or undefined}]} */
export function drawTable({ caption, columns, rows }) {
  return html`<table class="xray-table"><caption>${caption}</caption>
    <thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
    <tbody>${repeat(rows, (row) => row.key, row)}</tbody></table>`;
}

function row({ cells, pick }) {
  const first = pick ? html`<button type="button" class="link" data-pick=${pick.collection} data-id=${pick.id}>${cells[0]}</button>` : cells[0];
  return html`<tr><th scope="row">${first}</th>${cells.slice(1).map((cell) => html`<td>${cell}</td>`)}</tr>`;
}
