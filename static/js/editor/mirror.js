/* The editor of a text: CodeMirror with our colours, our keys and our words.

   `makeMirror` is all that another page needs. The page includes includes/importmap.html before its
   modules, loads css/editor.css, and imports this file when somebody wants to edit. */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, rectangularSelection } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { languageOf } from "./languages.js";
import { phrases } from "./phrases.js";

const nonce = document.querySelector("script[nonce]")?.nonce ?? "";
const ours = Annotation.define(); // a text that was set, not typed

const colours = HighlightStyle.define([
  { tag: tags.comment, class: "tok-comment" },
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: "tok-keyword" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], class: "tok-string" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: "tok-number" },
  { tag: [tags.propertyName, tags.attributeName, tags.definition(tags.variableName)], class: "tok-name" },
  { tag: [tags.typeName, tags.className, tags.tagName, tags.standard(tags.variableName)], class: "tok-type" },
  { tag: [tags.function(tags.variableName), tags.labelName], class: "tok-function" },
  { tag: tags.heading, class: "tok-heading" },
  { tag: tags.strong, class: "tok-strong" },
  { tag: tags.emphasis, class: "tok-emphasis" },
  { tag: [tags.link, tags.url], class: "tok-link" },
  { tag: tags.meta, class: "tok-meta" },
  { tag: tags.invalid, class: "tok-invalid" },
]);

const common = [
  lineNumbers(), highlightActiveLineGutter(), highlightSpecialChars(), history(), foldGutter(), drawSelection(),
  EditorState.allowMultipleSelections.of(true), indentOnInput(), bracketMatching(), closeBrackets(), autocompletion(),
  rectangularSelection(), highlightActiveLine(), highlightSelectionMatches(), syntaxHighlighting(colours),
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
  EditorView.cspNonce.of(nonce),
];

/** An editor in `parent`. Options: text, path (its name tells the language), label, readOnly, wrap, extensions,
    changed(), save(). Tab indents; Esc and then Tab leaves. */
export function makeMirror({ parent, text = "", path = "", label = "", readOnly = false, wrap = false, extensions = [], changed, save }) {
  const language = new Compartment();
  const locked = new Compartment();
  const named = label ? { "aria-label": label } : {};
  const fresh = (doc, fixed) => EditorState.create({
    doc,
    extensions: [
      keymap.of([{ key: "Mod-s", preventDefault: true, run: () => { save?.(); return true; } }]),
      extensions, common, phrases(), language.of([]), locked.of(lock(fixed)), wrap ? EditorView.lineWrapping : [],
      EditorView.contentAttributes.of({ ...named, tabindex: "0", spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !update.transactions.some((each) => each.annotation(ours))) changed?.();
      }),
    ],
  });
  const view = new EditorView({ parent, state: fresh(text, readOnly) });
  let shown = "";
  parent.classList.add("mirror");

  async function speak(name) {
    shown = name;
    const support = await languageOf(name, view.state.doc.line(1).text);
    if (shown === name) view.dispatch({ effects: language.reconfigure(support) });
  }

  speak(path);
  return {
    view,
    text: () => view.state.doc.toString(),
    /** Another text in place of this one; it can be undone. */
    setText(value) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value }, annotations: ours.of(true) });
    },
    /** Another file: its text, its language, and no past. */
    open(value, name, fixed = false) {
      view.setState(fresh(value, fixed));
      return speak(name);
    },
    /** An earlier `view.state`, with its cursor and its past. */
    restore(state, name) {
      view.setState(state);
      return speak(name);
    },
    setPath: speak,
    setReadOnly: (fixed) => view.dispatch({ effects: locked.reconfigure(lock(fixed)) }),
    /** Put the cursor on a line, from 1, and show it. */
    goTo(line) {
      const { from } = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

function lock(fixed) {
  return [EditorState.readOnly.of(fixed), EditorView.editable.of(!fixed)];
}
