/* The mixer's page: while something is being made it asks for the result, and below it the x-ray
   shows the host and its mixes live. Without this script the form works all the same. */

import { makeDoor } from "./xray/door.js";
import { request, socketAddress } from "./api.js";
import { Socket } from "./socket.js";

const AGAIN_MS = 120;
const LATER_MS = 1000; // after PATIENCE answers: it waits in a line
const PATIENCE = 50;
const result = document.getElementById("result");
const data = document.getElementById("mixer-data");

const settled = () => result.querySelector("[data-settled]")?.dataset.settled !== "false";

async function ask() {
  const answer = await fetch(result.dataset.address, { credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  result.replaceChildren(...page.body.childNodes);
}

async function follow() {
  for (let asked = 0; !settled(); asked += 1) {
    await new Promise((done) => setTimeout(done, asked < PATIENCE ? AGAIN_MS : LATER_MS));
    await ask().catch(() => {}); // the server is away: ask again
  }
}

/* A read-only root needs a mount namespace: choosing the one chooses the other. */
const box = (name) => document.querySelector(`.mix-form [name="${name}"]`);
const mount = document.querySelector('.mix-form [name="namespaces"][value="mount"]');
box("read_only").addEventListener("change", ({ target }) => { if (target.checked) mount.checked = true; });
mount.addEventListener("change", () => { if (!mount.checked) box("read_only").checked = false; });

if (location.hash === "#result") result.focus();
follow();
if (data) {
  const { xray, lab, api } = JSON.parse(data.textContent);
  const csrf = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  const ask = (method, path, body) => request(method, api + path, body, csrf);
  const door = makeDoor({ address: () => socketAddress(xray), layout: () => {}, api: ask });
  const heard = { race: (message) => door.raced(message), ended: () => location.reload() };
  const socket = new Socket(() => socketAddress(lab), { onText: (message) => heard[message.type]?.(message) });
  let told = 0; // the server need not hear of every key
  const active = () => { if (performance.now() - told > 30000 && socket.send({ type: "activity" })) told = performance.now(); };
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, active, { passive: true });
  window.vitrine = { xray: door };
}
