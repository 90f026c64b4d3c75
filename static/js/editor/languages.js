/* Which language a file is written in, by its name; each is fetched when the first such file is opened. */

const legacy = (load, name) => async () => {
  const [{ StreamLanguage }, mode] = await Promise.all([import("@codemirror/language"), load()]);
  return StreamLanguage.define(mode[name]);
};

const shell = legacy(() => import("@codemirror/legacy-modes/mode/shell"), "shell");
const c = legacy(() => import("@codemirror/legacy-modes/mode/clike"), "c");
const javascript = (options) => async () => (await import("@codemirror/lang-javascript")).javascript(options);
const html = async () => (await import("@codemirror/lang-html")).html();
const yaml = async () => (await import("@codemirror/lang-yaml")).yaml();
const properties = legacy(() => import("@codemirror/legacy-modes/mode/properties"), "properties");
const docker = legacy(() => import("@codemirror/legacy-modes/mode/dockerfile"), "dockerFile");

const BY_ENDING = {
  md: async () => {
    const [{ markdown, markdownLanguage }, { yamlFrontmatter }] = await Promise.all([import("@codemirror/lang-markdown"), import("@codemirror/lang-yaml")]);
    return yamlFrontmatter({ content: markdown({ base: markdownLanguage }) });
  },
  py: async () => (await import("@codemirror/lang-python")).python(),
  json: async () => (await import("@codemirror/lang-json")).json(),
  css: async () => (await import("@codemirror/lang-css")).css(),
  js: javascript({ jsx: true }),
  mjs: javascript({}),
  ts: javascript({ typescript: true }),
  html, htm: html, xml: html, svg: html,
  yml: yaml, yaml,
  sh: shell, bash: shell, profile: shell, bashrc: shell,
  c, h: c,
  cpp: legacy(() => import("@codemirror/legacy-modes/mode/clike"), "cpp"),
  java: legacy(() => import("@codemirror/legacy-modes/mode/clike"), "java"),
  go: legacy(() => import("@codemirror/legacy-modes/mode/go"), "go"),
  rs: legacy(() => import("@codemirror/legacy-modes/mode/rust"), "rust"),
  rb: legacy(() => import("@codemirror/legacy-modes/mode/ruby"), "ruby"),
  pl: legacy(() => import("@codemirror/legacy-modes/mode/perl"), "perl"),
  lua: legacy(() => import("@codemirror/legacy-modes/mode/lua"), "lua"),
  toml: legacy(() => import("@codemirror/legacy-modes/mode/toml"), "toml"),
  diff: legacy(() => import("@codemirror/legacy-modes/mode/diff"), "diff"),
  patch: legacy(() => import("@codemirror/legacy-modes/mode/diff"), "diff"),
  conf: legacy(() => import("@codemirror/legacy-modes/mode/nginx"), "nginx"),
  ini: properties, cfg: properties, env: properties, properties, service: properties,
  dockerfile: docker, containerfile: docker,
};

/** The language support of a file, or nothing for plain text. `start` is its first line, for scripts without an ending. */
export async function languageOf(path, start = "") {
  const name = path.split("/").pop().toLowerCase();
  const ending = name.includes(".") ? name.split(".").pop() : name;
  const load = BY_ENDING[ending] ?? (/^#!.*\bpython/.test(start) ? BY_ENDING.py : /^#!.*sh\b/.test(start) ? shell : null);
  return load ? load() : [];
}
