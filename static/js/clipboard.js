/* Copy and paste by the keys people expect. Ctrl+C stays the terminal's; the browser's own
   copy and paste (menu, Cmd+C, Shift+Insert) reach xterm.js by themselves. */

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByCommand(text); // no permission, or a page without https
  }
}

function copyByCommand(text) {
  const area = document.createElement("textarea");
  const before = document.activeElement;
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus();
  return done;
}

export async function paste() {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return null;
  }
}
