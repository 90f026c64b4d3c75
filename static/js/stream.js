/* The terminal protocol, vitrine.terminal.v1, without a screen.

   Every byte of a terminal has an absolute offset. We remember two: `received`, the offset
   after the last byte that came, and `parsed`, the offset after the last byte the screen has
   worked off. The server stops reading the pty when too much lies between what it sent and
   what we acknowledged as parsed: that is why Ctrl-C works in a flood. After a loss we ask
   for everything since `received`; what came before is already in the screen's queue. */

import { Socket } from "./socket.js";

const ACK_EVERY = 32768; // a quarter of the server's window
const PASTE_CHUNK = 16384; // the server closes a socket whose frame is too long
const PASTE_LIMIT = 1048576;
const encoder = new TextEncoder();

export class Stream {
  /** screen: {write(data, done), reset(), size()}; tell(event, values) reports what a person should know. */
  constructor(address, screen, tell) {
    Object.assign(this, { base: address, screen, tell });
    this.received = null;
    this.parsed = 0;
    this.acknowledged = 0;
    this.replayUntil = 0;
    this.socket = new Socket(() => this.address(), {
      onText: (message) => this.control(message),
      onBytes: (bytes) => this.output(bytes),
      onLost: (wait) => tell("lost", { wait }),
      onFinal: (code) => tell("final", { code }),
    });
  }

  address() {
    if (this.received === null) return this.base;
    return `${this.base}${this.base.includes("?") ? "&" : "?"}since=${this.received}`;
  }

  get replaying() {
    return this.parsed < this.replayUntil;
  }

  control(message) {
    const act = { hello: this.hello, prelude: this.prelude, skip: this.skip }[message.type];
    if (act) act.call(this, message);
    else this.tell(message.type, message);
  }

  hello({ offset, head, cols, rows, ...rest }) {
    const again = this.received !== null;
    const missed = again ? offset - this.received : 0;
    if (missed !== 0) this.screen.reset();
    // Programs ask the terminal questions; when old output is replayed, the answers must not be typed again.
    this.replayUntil = head ?? offset;
    this.received = this.acknowledged = offset;
    if (missed !== 0 || !again) this.parsed = offset;
    const size = this.screen.size();
    if (size.cols !== cols || size.rows !== rows) this.resize();
    this.tell("hello", { ...rest, again, missed });
  }

  prelude({ data }) {
    this.screen.write(data);
  }

  skip({ offset }) {
    this.screen.reset();
    this.received = this.parsed = this.acknowledged = offset;
  }

  output(bytes) {
    const end = (this.received += bytes.length);
    this.tell("output", {});
    this.screen.write(bytes, () => this.worked(end));
  }

  worked(end) {
    this.parsed = Math.max(this.parsed, end);
    if (this.parsed - this.acknowledged < ACK_EVERY) return;
    if (this.socket.send({ type: "ack", offset: this.parsed })) this.acknowledged = this.parsed;
  }

  /** Type text or bytes. Returns false if there was no connection to type into. */
  input(data) {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    if (bytes.length > PASTE_LIMIT) return this.tell("too-large", {});
    let sent = true;
    for (let at = 0; at < bytes.length && sent; at += PASTE_CHUNK) {
      sent = this.socket.send(bytes.subarray(at, at + PASTE_CHUNK));
    }
    return sent;
  }

  /** What xterm.js wants sent: keys, and its answers to programs. Those to replayed output are dropped. */
  typed(data) {
    if (!this.replaying) this.input(data);
  }

  resize() {
    const { cols, rows } = this.screen.size();
    if (cols > 1 && rows > 0) this.socket.send({ type: "resize", cols, rows });
  }

  close() {
    this.socket.close();
  }
}
