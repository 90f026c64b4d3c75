/* A websocket that comes back. After a loss it waits 0.5 s, then twice as long each time up
   to 15 s, with a little chance mixed in so that a restarted server is not met by everyone
   at once. When the browser says it is online again, it tries without waiting. */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
const FINAL_CODES = new Set([4404, 4410]); // no such lab for this reader, or it has ended: asking again is no use

export class Socket {
  /** address() is asked anew for each attempt, so that it can carry the offset to resume at. */
  constructor(address, { onOpen, onText, onBytes, onLost, onFinal } = {}) {
    Object.assign(this, { address, onOpen, onText, onBytes, onLost, onFinal });
    this.tries = 0;
    this.stopped = false;
    this.online = () => this.retryNow();
    addEventListener("online", this.online);
    this.connect();
  }

  get open() {
    return this.ws?.readyState === WebSocket.OPEN;
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = null;
    const early = takeEarly(this.address());
    const ws = early?.ws ?? new WebSocket(this.address());
    ws.binaryType = "arraybuffer";
    ws.onopen = () => this.opened(ws);
    ws.onmessage = (event) => this.received(ws, event.data);
    ws.onclose = (event) => this.closed(ws, event);
    this.ws = ws;
    // Whoever made us has not yet heard of us: what came early waits until he has.
    if (early) queueMicrotask(() => this.catchUp(ws, early.events));
  }

  catchUp(ws, events) {
    if (ws.readyState === WebSocket.OPEN) this.opened(ws);
    for (const event of events) this.received(ws, event.data);
  }

  opened(ws) {
    if (ws !== this.ws) return;
    this.stable = setTimeout(() => { this.tries = 0; }, 3000);
    this.onOpen?.();
  }

  received(ws, data) {
    if (ws !== this.ws) return;
    if (typeof data === "string") this.onText?.(JSON.parse(data));
    else this.onBytes?.(new Uint8Array(data));
  }

  closed(ws, event) {
    if (ws !== this.ws || this.stopped) return;
    clearTimeout(this.stable);
    if (FINAL_CODES.has(event.code)) return this.finish(event.code);
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries) * (0.8 + 0.4 * Math.random());
    this.tries += 1;
    this.timer = setTimeout(() => this.connect(), wait);
    this.onLost?.(wait);
  }

  finish(code) {
    this.close();
    this.onFinal?.(code);
  }

  retryNow() {
    if (this.timer) this.connect();
  }

  send(data) {
    if (!this.open) return false;
    this.ws.send(typeof data === "string" || data instanceof Uint8Array ? data : JSON.stringify(data));
    return true;
  }

  close() {
    this.stopped = true;
    removeEventListener("online", this.online);
    clearTimeout(this.timer);
    this.ws?.close();
  }
}

/** The socket that early.js opened to this address, once, if it is still good. */
function takeEarly(address) {
  const found = window.vitrineEarly?.get(address);
  window.vitrineEarly?.delete(address);
  return found && found.ws.readyState <= WebSocket.OPEN ? found : null;
}

/** Call with the first message of the early socket to this address, if there is one. */
export function whenHeard(address, act) {
  const early = window.vitrineEarly?.get(address);
  if (early?.events.length) act(early.events[0]);
  else early?.ws.addEventListener("message", act, { once: true });
}
