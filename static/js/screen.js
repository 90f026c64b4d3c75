/* One xterm.js screen: how it looks, which add-ons it has, what its keys do.

   What arrives from a terminal is hostile text. xterm.js draws it, never as HTML; titles are
   cut and shown as text; links are opened only when http(s), after asking; programs may
   neither read nor set the reader's clipboard. */

import { Terminal } from "../vendor/@xterm/xterm/lib/xterm.mjs";
import { FitAddon } from "../vendor/@xterm/addon-fit/lib/addon-fit.mjs";
import { SearchAddon } from "../vendor/@xterm/addon-search/lib/addon-search.mjs";
import { UnicodeGraphemesAddon } from "../vendor/@xterm/addon-unicode-graphemes/lib/addon-unicode-graphemes.mjs";
import { WebLinksAddon } from "../vendor/@xterm/addon-web-links/lib/addon-web-links.mjs";
import { recall, remember } from "./preferences.js";
import { isDark } from "./page.js";

const DARK = { background: "#15181b", foreground: "#e6e4df", cursor: "#63c7c0", cursorAccent: "#15181b", selectionBackground: "#3d5f63",
  black: "#22262a", red: "#f28b82", green: "#81c995", yellow: "#e5b458", blue: "#84b5f7", magenta: "#d7a6f0", cyan: "#63c7c0", white: "#d5d3ce",
  brightBlack: "#868d94", brightRed: "#ffb4ab", brightGreen: "#a8dab5", brightYellow: "#fdd663", brightBlue: "#aecbfa", brightMagenta: "#e8c4ff", brightCyan: "#9be4de", brightWhite: "#ffffff" };
const LIGHT = { background: "#fffefb", foreground: "#1c2024", cursor: "#0a6b68", cursorAccent: "#fffefb", selectionBackground: "#bfdcd9",
  black: "#1c2024", red: "#b02a2a", green: "#20713a", yellow: "#855400", blue: "#1d5fb8", magenta: "#8a3ca8", cyan: "#0a6b68", white: "#6d7176",
  brightBlack: "#575d63", brightRed: "#c73a3a", brightGreen: "#2c8648", brightYellow: "#986200", brightBlue: "#2f72d0", brightMagenta: "#a04fc0", brightCyan: "#11807c", brightWhite: "#3a3f44" };

/* The page's policy lets a <style> in only with its nonce; those of xterm.js bear none by themselves. */
const nonce = document.querySelector("script[nonce]")?.nonce ?? "";
document.createElement = (name, options) => {
  const element = Document.prototype.createElement.call(document, name, options);
  if (String(name).toLowerCase() === "style") element.nonce = nonce;
  return element;
};

export function colours() {
  const choice = recall("terminal-theme", "dark");
  return choice === "light" || (choice === "page" && !isDark()) ? LIGHT : DARK;
}

export class Screen {
  /** events: {typed(data), binary(bytes), resized(), title(text), link(url), key(event) → handled} */
  constructor(element, events) {
    this.element = element;
    this.term = new Terminal({
      allowProposedApi: true, // the grapheme add-on needs it
      scrollback: 5000,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
      fontSize: recall("font-size", 14),
      lineHeight: 1.15,
      minimumContrastRatio: 4.5,
      screenReaderMode: recall("screen-reader", false),
      theme: colours(),
      linkHandler: { activate: (_, url) => events.link(url), allowNonHttpProtocols: false },
    });
    this.fit = new FitAddon();
    this.search = new SearchAddon();
    const links = new WebLinksAddon((_, url) => events.link(url));
    for (const addon of [this.fit, this.search, links, new UnicodeGraphemesAddon()]) this.term.loadAddon(addon);
    this.term.onData(events.typed);
    this.term.onBinary((data) => events.binary(Uint8Array.from(data, (letter) => letter.charCodeAt(0) & 255)));
    this.term.onResize(({ cols, rows }) => { remember("size", [cols, rows]); this.later(events.resized); });
    this.term.onTitleChange((title) => events.title(plain(title)));
    this.term.attachCustomKeyEventHandler((event) => !events.key(event));
    this.term.open(element);
    this.paint();
    this.observer = new ResizeObserver(() => this.refit());
    this.observer.observe(element);
  }

  /** A divider being dragged resizes many times a second; the program is told once it rests. */
  later(act) {
    clearTimeout(this.timer);
    this.timer = setTimeout(act, 80);
  }

  refit() {
    if (this.element.clientWidth > 20 && this.element.clientHeight > 20) this.fit.fit();
  }

  write(data, done) {
    this.term.write(data, done);
  }

  reset() {
    this.term.reset();
  }

  size() {
    return { cols: this.term.cols, rows: this.term.rows };
  }

  apply() {
    this.term.options.fontSize = recall("font-size", 14);
    this.term.options.screenReaderMode = recall("screen-reader", false);
    this.term.options.theme = colours();
    this.paint();
    this.refit();
  }

  /** The margin around the letters has their ground. */
  paint() {
    this.element.parentElement.style.background = colours().background;
  }

  /** Everything still on the screen and above it, as plain text; wrapped lines are joined. */
  text() {
    const buffer = this.term.buffer.active;
    const lines = [];
    for (let n = 0; n < buffer.length; n += 1) {
      const line = buffer.getLine(n);
      if (line.isWrapped && lines.length) lines[lines.length - 1] += line.translateToString(true);
      else lines.push(line.translateToString(true));
    }
    return lines.join("\n").trimEnd();
  }
}

/** A title as a short line of visible text: no control or bidi characters, at most 80 letters. */
export function plain(title) {
  return title.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").slice(0, 80);
}
