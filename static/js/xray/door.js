/* The way to the x-ray. Its modules are fetched a moment after the page is there, or as soon as
   somebody asks for them: the first prompt does not wait for drawings that nobody has opened yet. */

const LATER_MS = 1000;

export function makeDoor(options) {
  let panel = null;
  let coming = null;

  /** The panel; a server that was away when it was first asked is asked again the next time. */
  function load() {
    coming ??= import("./panel.js").then((module) => { panel = new module.Panel(options); return panel; });
    coming.catch(() => { coming = null; });
    return coming;
  }

  /* A click that came before the modules is done again when they are there. */
  document.getElementById("xray").addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (panel || !button) return;
    await load();
    button.click();
  });
  setTimeout(() => load().catch(() => {}), LATER_MS);

  return {
    get panel() { return panel; },
    toggle: async () => (await load()).toggle(),
    raced: async (message) => (await load()).compare.race.heard(message),
    follow: async (address) => (await load()).follow(address),
  };
}
