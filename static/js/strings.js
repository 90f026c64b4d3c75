/* The page's words for the scripts: <template id="strings">, already in the reader's language. */

const template = document.getElementById("strings");

/** The sentence named `key`, with {name} replaced from `values`. */
export function say(key, values = {}) {
  const entry = template?.content.querySelector(`[data-key="${key}"]`);
  const text = entry ? entry.textContent : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
