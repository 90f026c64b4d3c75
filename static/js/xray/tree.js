/* Objects with a parent, in the order in which a tree is drawn. */

/** objects: [{id, …}]; returns [{object, depth, last}] depth first, children sorted by `by`. */
export function flatten(objects, parentOf, by) {
  const present = new Map(objects.map((object) => [object.id, object]));
  const children = new Map();
  for (const object of objects) {
    const parent = parentOf(object);
    const key = present.has(parent) && parent !== object.id ? parent : null;
    children.set(key, [...(children.get(key) ?? []), object]);
  }
  const rows = [];
  const waiting = [...sorted(children.get(null), by)].reverse().map((object) => ({ object, depth: 0 }));
  while (waiting.length) {
    const row = waiting.pop();
    rows.push(row);
    for (const child of [...sorted(children.get(row.object.id), by)].reverse()) waiting.push({ object: child, depth: row.depth + 1 });
  }
  return rows;
}

function sorted(list = [], by) {
  return [...list].sort((a, b) => by(a) - by(b) || (a.id < b.id ? -1 : 1));
}
