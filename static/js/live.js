/* Under `manage.py lessons preview`: load the page again when its lesson was saved. The terminals go on where
   they were, for no shell is a child of a page. A lesson with faults is not loaded; they are shown. */

const EVERY = 1000;

function show(place, faults) {
  const list = document.createElement("pre");
  list.textContent = faults.join("\n");
  place.replaceChildren(...(faults.length ? [list] : []));
}

/** Ask `url` for the lesson's stamp until the page goes; faults are shown at the top of `text`. */
export function followLesson({ url, stamp: known }, text) {
  const place = document.createElement("div");
  place.className = "faults";
  place.setAttribute("role", "status");
  text.prepend(place);
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(url, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) return; // the server is being restarted
    const { stamp, faults } = await answer.json();
    show(place, faults);
    if (!faults.length && stamp !== known) location.reload();
  }, EVERY);
}
