/* The divider between text and machines: by pointer, by arrow keys, and it remembers. */

import { recall, remember } from "./preferences.js";

const LEAST = 20;
const MOST = 75;
const STEPS = { ArrowLeft: -2, ArrowRight: 2, PageUp: -10, PageDown: 10, Home: -100, End: 100 };

export function makeDivider(divider, workbench) {
  let share = recall("split", 42);

  function move(to) {
    share = Math.min(MOST, Math.max(LEAST, to));
    workbench.style.setProperty("--split", `${share}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(share)));
  }

  function drag(event) {
    const box = workbench.getBoundingClientRect();
    move((100 * (event.clientX - box.left)) / box.width);
  }

  function drop() {
    divider.removeEventListener("pointermove", drag);
    divider.classList.remove("held");
    remember("split", share);
  }

  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    divider.classList.add("held");
    divider.addEventListener("pointermove", drag);
  });
  divider.addEventListener("pointerup", drop);
  divider.addEventListener("pointercancel", drop);
  divider.addEventListener("dblclick", () => { move(42); remember("split", share); });
  divider.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    move(share + STEPS[event.key]);
    remember("split", share);
  });
  move(share);
}
