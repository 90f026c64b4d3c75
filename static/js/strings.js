/* The page's words for the scripts: <template id="strings">, already in the reader's language. */

const template = document.getElementById("strings");

/** The sentence named `key`, with {name} replaced from `values`. */
export function say(key, values = {}) {
  const entry = template?.content.querySelector(`[data-key="${key}"]`);
  const text = entry ? entry.textContent : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** What a step of the runtime's plan does: in its own words, or in the reader's language where the page has them. */
export function describe(step) {
  const key = `step-${step.name}`;
  const text = say(key);
  return text === key ? step.description || step.name : text;
}
