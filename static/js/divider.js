/* A divider between two parts of the page: by pointer, by arrow keys, and it remembers.
   It sets --<name> of its container to the share of the first part, in percent. */

import { recall, remember } from "./preferences.js";

const AXES = {
  x: { from: "left", length: "width", at: "clientX", less: "ArrowLeft", more: "ArrowRight" },
  y: { from: "top", length: "height", at: "clientY", less: "ArrowUp", more: "ArrowDown" },
};

export function makeDivider(divider, container, { axis = "x", name = "split", otherwise = 42 } = {}) {
  const { from, length, at, less, more } = AXES[axis];
  const steps = { [less]: -2, [more]: 2, PageUp: -10, PageDown: 10, Home: -100, End: 100 };
  const least = Number(divider.getAttribute("aria-valuemin"));
  const most = Number(divider.getAttribute("aria-valuemax"));
  let share = recall(name, otherwise);

  function move(to) {
    share = Math.min(most, Math.max(least, to));
    container.style.setProperty(`--${name}`, `${share}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(share)));
  }

  function drag(event) {
    const box = container.getBoundingClientRect();
    move((100 * (event[at] - box[from])) / box[length]);
  }

  function drop() {
    divider.removeEventListener("pointermove", drag);
    divider.classList.remove("held");
    remember(name, share);
  }

  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    divider.classList.add("held");
    divider.addEventListener("pointermove", drag);
  });
  divider.addEventListener("pointerup", drop);
  divider.addEventListener("pointercancel", drop);
  divider.addEventListener("dblclick", () => { move(otherwise); remember(name, share); });
  divider.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    move(share + steps[event.key]);
    remember(name, share);
  });
  move(share);
}
