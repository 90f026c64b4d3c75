/* A recording's journal, fetched whole and sorted: the output of each terminal, the observations of
   each machine. docs/recording.md has the format. What stands in it was written by programs: hostile text. */

export async function readJournal(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return sorted((await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line)));
}

function sorted(events) {
  const journal = { terminals: new Map(), sights: [], marks: [], seconds: events.at(-1)?.[0] ?? 0 };
  for (const event of events) {
    const [, code, where] = event;
    if (code === "x") journal.sights.push(event);
    else if (code === "m") journal.marks.push(event);
    else if (journal.terminals.has(where)) journal.terminals.get(where).push(event);
    else journal.terminals.set(where, [event]);
  }
  return journal;
}

/** How many of these events had happened at that time: they are in order. */
export function countUntil(events, time) {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle][0] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
