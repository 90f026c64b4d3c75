/* The desk's editor: CodeMirror over the form's text area, the linter's problems by line, and the
   format's own words. Without this script the text area is sent all the same. */

import { autocompletion } from "@codemirror/autocomplete";
import { linter, lintGutter } from "@codemirror/lint";
import { makeMirror } from "../editor/mirror.js";
import { completions } from "./completion.js";

const { check, file, words } = JSON.parse(document.getElementById("desk-data").textContent);
const form = document.getElementById("desk-form");
const area = document.getElementById("desk-text");
const list = document.getElementById("problems");
const ASK_AFTER_MS = 500;

async function ask(view) {
  area.value = view.state.doc.toString();
  const answer = await fetch(check, { method: "POST", body: new FormData(form), credentials: "same-origin" });
  if (!answer.ok && answer.status !== 400) return [];
  const { problems, refused } = await answer.json();
  show(refused ? [{ file, line: 1, message: refused, kind: "fault" }] : problems);
  return problems.filter((each) => each.file === file).map((each) => mark(view, each));
}

function mark(view, { line, message, kind }) {
  const { from, to } = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
  return { from, to, message, severity: kind === "fault" ? "error" : "info" };
}

function show(problems) {
  document.getElementById("no-problems").hidden = problems.length > 0;
  list.replaceChildren(...problems.map((each) => {
    const item = document.createElement("li");
    const place = document.createElement("code");
    const said = document.createElement("span");
    item.className = each.kind;
    place.textContent = `${each.file}:${each.line}`;
    said.textContent = each.message;
    item.append(place, " ", said);
    return item;
  }));
}

if (area) {
  const parent = document.getElementById("desk-mirror");
  parent.hidden = false;
  area.hidden = true;
  const mirror = makeMirror({
    parent, text: area.value, path: file, label: file, wrap: true,
    extensions: [lintGutter(), linter(ask, { delay: ASK_AFTER_MS }), autocompletion({ override: [completions(words)] })],
    save: () => form.requestSubmit(),
  });
  form.addEventListener("submit", () => { area.value = mirror.text(); });
  window.vitrine = { desk: mirror };
}
