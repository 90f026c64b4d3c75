/* A recorded terminal, drawn by xterm.js as it was at a moment.

   Going forward writes what came since; going back begins anew. xterm.js works its queue off later, so one
   request is under way at a time and the newest waiting one is the next: a slider that is dragged asks for more
   moments than can be drawn. Nothing is typed: answers of the terminal to programs go nowhere. */

import { Terminal } from "../../vendor/@xterm/xterm/lib/xterm.mjs";
import { UnicodeGraphemesAddon } from "../../vendor/@xterm/addon-unicode-graphemes/lib/addon-unicode-graphemes.mjs";
import { recall } from "../preferences.js";
import { colours } from "../screen.js";
import { countUntil } from "./journal.js";

const [SMALLEST, LARGEST] = [9, 14]; // of letters, in pixels
const WIDTH_OF_LETTER = 0.61;
const FULL_RESET = "\x1bc"; // in the stream, so that it comes after what is still in the queue

export class RecordedScreen {
  constructor(element, events) {
    Object.assign(this, { element, events, shown: 0, busy: false, wanted: null });
    this.term = new Terminal({
      allowProposedApi: true,
      disableStdin: true,
      cursorBlink: false,
      scrollback: 5000,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
      lineHeight: 1.15,
      minimumContrastRatio: 4.5,
      screenReaderMode: recall("screen-reader", false),
      theme: colours(),
      linkHandler: { activate: () => {} },
    });
    this.term.loadAddon(new UnicodeGraphemesAddon());
    this.term.attachCustomKeyEventHandler(() => false); // keys belong to the player
    this.term.open(element);
    element.parentElement.style.background = colours().background;
    new ResizeObserver(() => this.fit()).observe(element);
  }

  /** Letters as large as the recorded columns leave room for; rows that have none are scrolled to. */
  fit() {
    const width = this.element.clientWidth;
    if (width < 20) return;
    this.term.options.fontSize = Math.max(SMALLEST, Math.min(LARGEST, Math.floor(width / (this.term.cols * WIDTH_OF_LETTER))));
    this.follow();
  }

  /** Keep the line with the cursor in view. */
  follow() {
    const { element, term } = this;
    const line = (element.querySelector(".xterm-screen")?.clientHeight ?? 0) / term.rows;
    element.scrollTop = Math.max(0, (term.buffer.active.cursorY + 2) * line - element.clientHeight);
  }

  seek(time) {
    this.wanted = countUntil(this.events, time);
    if (!this.busy) this.go();
  }

  go() {
    if (this.wanted === this.shown) return;
    this.busy = true;
    if (this.wanted < this.shown) {
      this.term.write(FULL_RESET);
      this.shown = 0;
    }
    const part = this.events.slice(this.shown, this.wanted);
    this.shown = this.wanted;
    let text = "";
    for (const [, code, , ...rest] of part) {
      if (code === "o") text += rest[0];
      else {
        this.term.write(text, () => this.resize(...rest));
        text = "";
      }
    }
    this.term.write(text, () => { this.busy = false; this.follow(); this.go(); });
  }

  resize(cols, rows) {
    this.term.resize(Math.max(2, Math.min(1000, cols)), Math.max(1, Math.min(500, rows)));
    this.fit();
  }

  text() {
    const buffer = this.term.buffer.active;
    return Array.from({ length: buffer.length }, (_, n) => buffer.getLine(n).translateToString(true)).join("\n").trimEnd();
  }
}
