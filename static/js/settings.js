/* The settings in the `?` sheet: remembered in this browser, applied at once. */

import { onChange, recall, remember } from "./preferences.js";

const byId = (id) => document.getElementById(id);

export function equipSettings(apply) {
  const size = byId("font-size");
  const theme = byId("terminal-theme");
  const reader = byId("screen-reader");
  size.value = recall("font-size", 14);
  theme.value = recall("terminal-theme", "dark");
  reader.checked = recall("screen-reader", false);
  size.addEventListener("change", () => {
    const wanted = Math.min(28, Math.max(10, Number(size.value) || 14));
    size.value = wanted;
    remember("font-size", wanted);
  });
  theme.addEventListener("change", () => remember("terminal-theme", theme.value));
  reader.addEventListener("change", () => remember("screen-reader", reader.checked));
  for (const name of ["font-size", "terminal-theme", "screen-reader", "theme"]) onChange(name, apply);
}
