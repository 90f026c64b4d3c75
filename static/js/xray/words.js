/* Numbers as people read them, and the colours that mean the same thing everywhere. */

export const KINDS = ["user", "mount", "pid", "network", "uts", "ipc", "cgroup", "time"];

/** The colour of a namespace kind, as in the text and the charts. */
export function kindColour(kind) {
  return `var(--ns-${kind === "network" ? "net" : kind})`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(count) {
  if (count === null || count === undefined) return "–";
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

export function seconds(microseconds) {
  const value = (microseconds ?? 0) / 1e6;
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} s`;
}

/** Milliseconds, as short as they can be read. */
export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? Math.round(ms) : ms.toFixed(1)} ms`;
}

/** A length of time in seconds, by its two largest units. */
export function span(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const at = parts.findIndex(([, size]) => seconds >= size);
  if (at < 0 || at === 3) return `${seconds.toFixed(1)} s`;
  const [[big, size], [small, less]] = [parts[at], parts[at + 1]];
  return `${Math.floor(seconds / size)} ${big} ${Math.floor((seconds % size) / less)} ${small}`;
}

export function number(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString(document.documentElement.lang);
}

/** The last digits of an inode: enough to tell namespaces of one sandbox apart. */
export function shortInode(id, room = 100) {
  return id && id.length > 4 ? `${room < 44 ? "" : "…"}${id.slice(-4)}` : id ?? "";
}

export function cut(text, most) {
  return text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text;
}
