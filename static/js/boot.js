/* How a virtual machine is: booting for so long, or running, and whether on the processor or emulated. */

import { say } from "./strings.js";

const TICK_MS = 100;

/** "emulated" or "KVM", with the reason; null for what is no virtual machine or has not said yet. */
export function runsBy(machine) {
  const how = machine?.accelerator;
  if (!how) return null;
  const reason = ["works", "absent", "forbidden", "useless"].includes(machine.why) ? say(`vm-why-${machine.why}`) : "";
  return { word: say(how === "kvm" ? "vm-kvm" : "vm-emulated"), reason };
}

export function booting({ backend, status }) {
  return backend === "vm" && (status === "starting" || status === "requested");
}

/** The words of a machine's state. The seconds are for the eye: a screen reader would read each of them out. */
export function stateWords(machine) {
  if (booting(machine)) {
    const clock = document.createElement("span");
    clock.className = "boot-clock";
    clock.setAttribute("aria-hidden", "true");
    clock.dataset.began = machine.began;
    clock.textContent = elapsed(machine.began);
    return [`${machine.name} ${say("state-booting")} `, clock];
  }
  const how = machine.status === "running" ? runsBy(machine.machine) : null;
  return [`${machine.name} ${say(`state-${machine.status}`)}${how ? ` · ${how.word}` : ""}`];
}

export function stateTitle(machine) {
  return (machine.status === "running" && runsBy(machine.machine)?.reason) || "";
}

function elapsed(began) {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}

/** Keep every boot clock on the page going. */
export function runClocks() {
  setInterval(() => {
    for (const clock of document.querySelectorAll(".boot-clock")) clock.textContent = elapsed(Number(clock.dataset.began));
  }, TICK_MS);
}
