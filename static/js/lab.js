/* The lab page: joins the text, the machines and the lab's control socket.

   The page's first data is the lab's row; after that the socket tells what changes. A message
   may be lost, so each time the socket opens the whole row comes again. */

import { request, socketAddress } from "./api.js";
import { equipCode, equipLinks } from "./code.js";
import { CatchUp } from "./catchup.js";
import { makeClock } from "./clock.js";
import { ask, notify, saveText } from "./dialogs.js";
import { makeDivider } from "./divider.js";
import { makeEditorDoor } from "./editor/door.js";
import { makeKeys } from "./keys.js";
import { followLesson } from "./live.js";
import { Machines } from "./machines.js";
import { Preparing } from "./preparing.js";
import { equipQuizzes } from "./quiz.js";
import { Recording } from "./recording.js";
import { equipSettings } from "./settings.js";
import { Socket, whenHeard } from "./socket.js";
import { Steps } from "./steps.js";
import { say } from "./strings.js";
import { Tasks } from "./tasks.js";
import { makeDoor } from "./xray/door.js";

const byId = (id) => document.getElementById(id);
const boot = JSON.parse(byId("lab-data").textContent);
const csrf = document.querySelector("input[name=csrfmiddlewaretoken]").value;
const api = (method, path, body) => request(method, boot.api + path, body, csrf);
let ended = false;
let recording = null;

const keys = makeKeys({
  nth: (n) => machines.nth(n),
  turn: (by) => steps.turn(by),
  swap: () => (byId("panes").contains(document.activeElement) ? byId("text") : machines.current)?.focus(),
  help: () => ask("help-sheet"),
  find: () => toggleFinder(),
  xray: () => xray.toggle(),
});

const machines = new Machines(boot.sandboxes, {
  address: (machine, n) => socketAddress(boot.ws.terminal.replace("<sandbox>", machine).replace("<n>", n)),
  key: keys,
  retry: (machine) => retry(machine),
  stirred: () => tasks.stirred(),
  ran: (machine) => queueMicrotask(() => editor.ran(machine)),
  recorded: () => Boolean(recording?.on),
  echoed: (ms) => { byId("latency").textContent = `${ms.toFixed(ms < 10 ? 1 : 0)} ms`; },
});

// The early terminal knows of its machine before the lab's own socket tells.
const [first] = boot.sandboxes;
if (first) {
  whenHeard(socketAddress(boot.ws.terminal.replace("<sandbox>", first.name).replace("<n>", 1)), ({ data }) => {
    if (JSON.parse(data).type === "hello") machines.answered(first.name);
  });
}

const socket = new Socket(() => socketAddress(boot.ws.lab), {
  onOpen: () => steps.current && announceStep(steps.current),
  onText: heard,
  onFinal: (code) => (code === 4410 ? showEnd("") : turnedAway()),
});

const tasks = new Tasks(byId("steps"), {
  send: (message) => sendOrTell(message),
  changed: () => steps.draw(),
  current: () => steps.current,
  running: () => !ended && socket.open && [...machines.machines.values()].every((machine) => machine.status === "running"),
});

const preparing = new Preparing(boot.steps);
const steps = new Steps(boot.steps, {
  gate: boot.gate,
  finished: (step) => tasks.finished(step),
  opened: (step) => { tasks.entered(); preparing.opened(step); announceStep(step); catchUp.draw(); },
});

const catchUp = new CatchUp({ api, tasks, steps });
const clock = makeClock(boot.expires);

function announceStep(step) {
  socket.send({ type: "step", step });
}

function sendOrTell(message) {
  const sent = socket.send(message);
  if (!sent) notify(say("offline"));
  return sent;
}

function heard(message) {
  const act = {
    lab: () => refreshed(message.lab),
    sandbox: () => machines.update(message),
    check: () => tasks.heard(message),
    "catch-up": () => catchUp.heard(message),
    race: () => xray.raced(message),
    ready: () => preparing.heard(message.step),
    expiring: () => warn(message.seconds),
    idle: () => askIfThere(message.seconds),
    ended: () => showEnd(message.reason),
  }[message.type];
  act?.();
}

function refreshed(lab) {
  if (lab.ended) return showEnd(lab.end_reason);
  clock.until(lab.expires);
  for (const sandbox of lab.sandboxes) machines.update(sandbox);
}

async function retry(machine) {
  try {
    await api("POST", `/sandboxes/${encodeURIComponent(machine)}/reset`, {});
  } catch (problem) {
    notify(problem.status ? problem.message : say("request-failed"));
    machines.draw();
  }
}

/** The step's beginning: files go back, programs end. */
async function undo() {
  if ((await ask("undo-sheet")) !== "undo") return;
  try {
    await api("POST", `/steps/${encodeURIComponent(steps.current)}/undo`, {});
    notify(say("undo-done"));
  } catch (problem) {
    const known = ["busy", "not-kept", "unavailable"].includes(problem.code);
    notify(known ? say(`undo-${problem.code}`) : say("request-failed"));
  }
}

async function extend() {
  try {
    const lab = await api("POST", "/extend", {});
    if (lab?.expires) clock.until(lab.expires);
    notify(say("extended"));
  } catch (problem) {
    notify(say(problem.status ? "extend-refused" : "request-failed"));
  }
}

async function warn(seconds) {
  byId("expiring-text").textContent = say("seconds-left", { minutes: Math.max(1, Math.round(seconds / 60)) });
  if ((await ask("expiring-sheet")) === "extend") await extend();
}

/** The cookie has changed under this page: she signed in or out in another tab. */
async function turnedAway() {
  if (!ended && (await ask("moved-sheet")) === "reload") location.reload();
}

/** Whoever closes the question, by whatever key, is there. */
async function askIfThere(seconds) {
  byId("idle-text").textContent = say("idle-left", { minutes: Math.max(1, Math.round(seconds / 60)) });
  await ask("idle-sheet");
  socket.send({ type: "activity" });
}

const REASONS = new Set(["deadline", "idle", "user", "operator"]);

function showEnd(reason) {
  if (ended) return;
  ended = true;
  for (const id of ["idle-sheet", "expiring-sheet", "undo-sheet"]) byId(id).close();
  tasks.stop();
  clock.stop();
  machines.close();
  socket.close();
  for (const id of ["end", "extend", "undo", "add-terminal", "record"]) byId(id).hidden = true;
  byId("ended-text").textContent = say(`ended-${REASONS.has(reason) ? reason : "other"}`);
  ask("ended-sheet");
}

function saveTranscript() {
  saveText(`vitrine-${boot.code.slice(0, 8)}.txt`, machines.transcript());
}

function toggleFinder() {
  const finder = byId("finder");
  finder.hidden = !finder.hidden;
  if (finder.hidden) machines.current?.focus();
  else byId("finder-text").focus();
}

/* Reading counts as being here too, but the server need not hear of every key. */
let lastActivity = 0;
function active() {
  const now = performance.now();
  if (now - lastActivity < 30000) return;
  lastActivity = now;
  socket.send({ type: "activity" });
}

for (const kind of ["keydown", "pointerdown", "wheel"]) addEventListener(kind, active, { passive: true, capture: true });
document.addEventListener("keydown", (event) => { if (!event.defaultPrevented && keys(event)) event.preventDefault(); });
byId("extend").addEventListener("click", extend);
byId("undo").addEventListener("click", undo);
byId("end").addEventListener("click", () => ask("end-sheet"));
byId("help").addEventListener("click", () => ask("help-sheet"));
byId("find").addEventListener("click", toggleFinder);
byId("transcript").addEventListener("click", saveTranscript);
byId("keep-transcript").addEventListener("click", saveTranscript);
byId("finder").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!machines.current?.screen?.search.findNext(byId("finder-text").value)) notify(say("not-found"));
});
byId("sheet").addEventListener("click", () => {
  const folded = byId("machines").classList.toggle("folded");
  byId("sheet").setAttribute("aria-expanded", String(!folded));
});

makeDivider(byId("divider"), byId("main"));
const xray = makeDoor({ address: () => socketAddress(`${boot.ws.lab}xray/`), layout: () => machines.refit(), api });
recording = new Recording({ address: () => socketAddress(`${boot.ws.lab}recording/`), machines });
const editor = makeEditorDoor({ machines, settings: boot.editor, base: boot.api, csrf });
equipSettings(() => machines.apply());
equipCode(byId("steps"), machines, (step, block) => api("POST", `/steps/${encodeURIComponent(step)}/save`, { block }), editor.open);
equipLinks(byId("steps"), machines, xray, { edit: editor.open, ports: boot.ports });
equipQuizzes(byId("steps"), (quiz, chosen) => api("POST", `/quizzes/${encodeURIComponent(quiz)}`, { chosen }), boot.answered);
for (const result of boot.progress) tasks.heard(result);
steps.start(boot.at);
if (boot.preview) followLesson(boot.preview, byId("text"));
if (boot.ended) showEnd(boot.end_reason);

/** For browser tests and for a curious reader at the console. */
window.vitrine = { machines, editor, xray, tasks, steps, socket, text: () => machines.current?.text() ?? "" };
