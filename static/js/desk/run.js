/* The log of a test, line by line as it is written. */

const ASK_EVERY_MS = 400;
const state = document.getElementById("run-state");
const log = document.getElementById("run-log");

function add({ ok, text }) {
  const line = document.createElement("li");
  line.className = ok ? "ok" : "not-ok";
  line.textContent = text;
  log.append(line);
}

async function ask() {
  const answer = await fetch(`?since=${log.children.length}`, { credentials: "same-origin" });
  if (!answer.ok) return;
  const run = await answer.json();
  run.lines.forEach(add);
  state.dataset.state = run.state;
  state.className = `tag ${run.state}`;
  state.dataset.settled = run.settled;
}

async function follow() {
  while (state.dataset.settled !== "true") {
    await ask().catch(() => {}); // the server is away: ask again
    await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
  }
}

follow();
