/* What the format knows, offered where it may stand: keys in the front matter, directives after
   colons, attributes inside braces. The words come from the server's own reader. */

const option = (type) => (label) => ({ label, type });

function inFrontMatter(doc, line) {
  if (doc.line(1).text.trim() !== "---") return false;
  for (let n = 2; n <= doc.lines; n += 1) if (doc.line(n).text.trim() === "---") return line.number > 1 && line.number < n;
  return line.number > 1;
}

/** A completion source for CodeMirror. */
export function completions({ keys, values, directives, attributes }) {
  return (context) => {
    const { doc } = context.state;
    const line = doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    if (inFrontMatter(doc, line)) {
      if (!/^[a-z-]*$/.test(before) || (!before && !context.explicit)) return null;
      return { from: line.from, options: [...keys.map((key) => ({ label: key, apply: `${key}: `, type: "property" })), ...values.map(option("constant"))] };
    }
    const directive = /^:{3,}\s*([a-z]*)$/.exec(before);
    if (directive) return { from: context.pos - directive[1].length, options: directives.map(option("keyword")) };
    const attribute = /^(?:`{3,}|~{3,}|:{3,}).*\{(?:[^}]*\s)?([a-z-]*)$/.exec(before);
    if (attribute) return { from: context.pos - attribute[1].length, options: attributes.map(option("property")) };
    return null;
  };
}
