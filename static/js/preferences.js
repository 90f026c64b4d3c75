/* What a reader chose in this browser: theme, letter size, where the divider is. */

const PREFIX = "vitrine.";
const listeners = new Map();

export function recall(name, otherwise) {
  try {
    const kept = localStorage.getItem(PREFIX + name);
    return kept === null ? otherwise : JSON.parse(kept);
  } catch {
    return otherwise; // storage refused, or not ours
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A private window may refuse; the choice then lasts as long as the page.
  }
  for (const listener of listeners.get(name) ?? []) listener(value);
}

export function onChange(name, listener) {
  listeners.set(name, [...(listeners.get(name) ?? []), listener]);
}
