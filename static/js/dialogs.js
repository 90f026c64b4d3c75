/* The page's dialogs and the short notices at its foot. */

const toast = document.getElementById("toast");
let hiding;

export function notify(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { toast.hidden = true; }, 4000);
}

/** Open a dialog; the promise gives the value of the button that closed it ("" for Escape). */
export function ask(id) {
  const dialog = document.getElementById(id);
  if (dialog.open) return Promise.resolve("");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/** A link printed in a terminal is hostile: only http(s), shown in full, opened without a referrer. */
export async function openLink(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return;
  }
  if (!["http:", "https:"].includes(url.protocol)) return;
  document.getElementById("link-text").textContent = url.href;
  if ((await ask("link-sheet")) === "open") window.open(url.href, "_blank", "noopener,noreferrer");
}

export function saveText(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
