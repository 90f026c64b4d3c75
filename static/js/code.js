/* Run and Copy beside the lesson's code. What is typed is exactly what is shown. */

import { copy } from "./clipboard.js";
import { notify } from "./dialogs.js";
import { say } from "./strings.js";

function button(className, text, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function makeRun(code, text, machines) {
  return button("run", say("run"), say("run-label", { text }), () => {
    const pane = machines.pane(code.dataset.machine, Number(code.dataset.terminal || 1));
    pane?.run(text, { interrupt: "interrupt" in code.dataset, enter: !("noEnter" in code.dataset) });
  });
}

/** Give every block of code its buttons; without machines there is nothing to run it on. */
export function equipCode(place, machines) {
  for (const code of place.querySelectorAll(".code")) {
    const text = code.dataset.run ?? code.dataset.copy ?? code.querySelector("pre")?.textContent ?? "";
    const actions = document.createElement("div");
    actions.className = "code-actions";
    actions.append(button("quiet", say("copy"), "", async () => notify(say((await copy(text)) ? "copied" : "copy-refused"))));
    if ("run" in code.dataset && machines) actions.append(makeRun(code, text, machines));
    code.append(actions);
  }
}

/** lab:terminal/2 and lab:machine/db in the text bring that terminal to the front; lab:xray/namespaces?kind=uts opens the drawing there. */
export function equipLinks(place, machines, xray) {
  for (const link of place.querySelectorAll("a[data-lab]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const [kind, value] = link.dataset.lab.split("/");
      if (kind === "xray") return xray.follow(value);
      const pane = kind === "machine" ? machines.pane(value) : kind === "terminal" && machines.pane("", Number(value));
      if (pane) pane.focus();
    });
  }
}
