/* The lab's first sockets, opened before any module is there: while the browser reads xterm.js,
   the server already looks for the machine and starts its shell. socket.js takes them over.
   A classic script, because modules wait until the whole page has been read. */

(() => {
  const boot = JSON.parse(document.getElementById("lab-data").textContent);
  const early = (window.vitrineEarly = new Map());

  function open(address, query = "") {
    const url = new URL(address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const ws = new WebSocket(url.href + query);
    ws.binaryType = "arraybuffer";
    const events = [];
    ws.onmessage = (event) => events.push(event);
    early.set(url.href, { ws, events });
  }

  /** The size the last terminal had, so that the shell's first prompt is drawn once. */
  function size() {
    try {
      const kept = /^\[(\d+),(\d+)\]$/.exec(localStorage.getItem("vitrine.size") ?? "");
      return kept ? `?cols=${kept[1]}&rows=${kept[2]}` : "";
    } catch {
      return ""; // storage refused
    }
  }

  if (boot.ended) return;
  open(boot.ws.lab);
  const [first] = boot.sandboxes;
  if (first) open(boot.ws.terminal.replace("<sandbox>", first.name).replace("<n>", 1), size());
})();
