/* The page's own keys. All of them need Alt or Ctrl+Shift, so that a shell misses nothing it
   commonly uses; `?` works only where nothing can be typed. */

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable], .xterm") !== null;
}

/** actions: {nth, turn, swap, help, find, xray}; the result tells whether an event was one of ours. */
export function makeKeys(actions) {
  function actionFor(event) {
    if (event.ctrlKey && event.shiftKey && event.code === "KeyF") return actions.find;
    if (event.altKey && !event.ctrlKey && !event.shiftKey) return altAction(event);
    if (event.key === "?" && !event.ctrlKey && !event.altKey && !typing(event.target)) return actions.help;
    return null;
  }

  function altAction(event) {
    const digit = /^Digit([1-8])$/.exec(event.code)?.[1];
    if (digit) return () => actions.nth(Number(digit));
    return { PageUp: () => actions.turn(-1), PageDown: () => actions.turn(1), KeyT: actions.swap, KeyX: actions.xray }[event.code] ?? null;
  }

  return (event) => {
    if (document.querySelector("dialog[open]")) return false;
    const action = actionFor(event);
    if (!action) return false;
    event.preventDefault();
    action();
    return true;
  };
}
