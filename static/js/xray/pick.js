/* Things in a drawing that can be chosen: by pointer, and by keyboard as in a list, where one of
   them is reached by Tab and the arrow keys go to the others. */

const KEYS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export function same(a, b) {
  return Boolean(a && b && a.collection === b.collection && a.id === b.id);
}

export function equipPicking(place, select) {
  const chosen = (event) => event.target.closest?.("[data-pick]");
  const choose = (element) => select({ collection: element.dataset.pick, id: element.dataset.id });

  place.addEventListener("click", (event) => { if (chosen(event)) choose(chosen(event)); });
  place.addEventListener("keydown", (event) => {
    const here = chosen(event);
    if (!here) return;
    if (event.key === "Enter" || event.key === " ") choose(here);
    else if (event.key in KEYS) step(here, KEYS[event.key]);
    else return;
    event.preventDefault();
  });

  function step(here, by) {
    const all = [...place.querySelectorAll("[data-pick]")];
    all[all.indexOf(here) + by]?.focus();
  }
}

/** After a drawing: exactly one of its things is in the order of Tab. */
export function oneTabStop(place) {
  const all = [...place.querySelectorAll("[data-pick]")];
  const stop = all.find((one) => one === document.activeElement) ?? all.find((one) => one.getAttribute("aria-current") === "true") ?? all[0];
  for (const one of all) one.setAttribute("tabindex", one === stop ? "0" : "-1");
}
