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

/** What the button says: in a lab of several machines also where it runs. */
function runWords({ machine, terminal = 1 }, machines) {
  const place = machine && machines.machines.size > 1 && (machines.machines.get(machine)?.terminals?.find((each) => each.n === Number(terminal))?.name || machine);
  return place ? say("run-in", { place }) : say("run");
}

function makeRun(code, text, machines) {
  const words = runWords(code.dataset, machines);
  return button("run", words, words === say("run") ? say("run-label", { text }) : `${words}: ${text}`, () => {
    const pane = machines.pane(code.dataset.machine, Number(code.dataset.terminal || 1));
    pane?.run(text, { interrupt: "interrupt" in code.dataset, enter: !("noEnter" in code.dataset) });
  });
}

function makeKeys(code, machines) {
  const keys = JSON.parse(code.dataset.keys);
  const text = code.querySelector("pre").textContent;
  return button("run", say("press"), say("press-label", { text }), () => {
    machines.pane(code.dataset.machine, Number(code.dataset.terminal || 1))?.press(keys);
  });
}

function makeSave(code, save) {
  const { path } = code.dataset;
  const made = button("run", say("save"), say("save-label", { path }), async () => {
    made.disabled = true;
    try {
      await save(code.closest("[data-step]").dataset.step, Number(code.dataset.save));
      notify(say("saved", { path }));
    } catch (problem) {
      notify(problem.status ? problem.message : say("request-failed"));
    }
    made.disabled = false;
  });
  return made;
}

function makeEdit(code, edit) {
  const { edit: path, machine } = code.dataset;
  return button("run", say("edit"), say("edit-label", { path }), () => edit(path, { machine, text: code.dataset.copy }));
}

/** Give every block of code its buttons; without machines there is nothing to run it on. */
export function equipCode(place, machines, save, edit) {
  for (const code of place.querySelectorAll(".code")) {
    const text = code.dataset.run ?? code.dataset.copy ?? code.querySelector("pre")?.textContent ?? "";
    const actions = document.createElement("div");
    actions.className = "code-actions";
    if (!("keys" in code.dataset)) actions.append(button("quiet", say("copy"), "", async () => notify(say((await copy(text)) ? "copied" : "copy-refused"))));
    if ("run" in code.dataset && machines) actions.append(makeRun(code, text, machines));
    if ("keys" in code.dataset && machines) actions.append(makeKeys(code, machines));
    if ("save" in code.dataset && save) actions.append(makeSave(code, save));
    if ("edit" in code.dataset && edit) actions.append(makeEdit(code, edit));
    code.append(actions);
  }
}

/** lab:terminal/2 and lab:machine/db in the text bring that terminal to the front; lab:xray/namespaces?kind=uts opens the drawing there. */
export function equipLinks(place, machines, xray, { edit, ports }) {
  for (const link of place.querySelectorAll("a[data-lab]")) {
    if (link.dataset.lab.startsWith("port/")) {
      Object.assign(link, { href: portAddress(ports, link.dataset.lab), target: "_blank", rel: "noopener" });
      continue;
    }
    link.href = "#"; // without this script it is no link, and says so
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const [kind, value] = link.dataset.lab.split("/");
      if (kind === "xray") return xray.follow(value);
      if (kind === "file") return openFile(link.dataset.lab, edit);
      const pane = kind === "machine" ? machines.pane(value) : kind === "terminal" && machines.pane("", Number(value));
      if (pane) pane.focus();
    });
  }
}

/** lab:port/8080/path: the first machine's port, by the page that lets its owner in. */
function portAddress(ports, place) {
  const [, port, path = ""] = place.match(/^port\/(\d+)\/?(.*)$/s);
  return `${ports}-/${port}/${path}`;
}

function openFile(place, edit) {
  const [, path, line] = place.match(/^file(\/.*?)(?:#L(\d+))?$/s);
  edit(path, { line: Number(line ?? 0) });
}
