/* The files of a lab's machines, by the site's API. */

import { Problem, request } from "../api.js";
import { say } from "../strings.js";

const PIECE = 512 * 1024;

export class Files {
  constructor(base, csrf) {
    Object.assign(this, { base, csrf });
  }

  at(machine, kind, path, more = "") {
    return `${this.base}/sandboxes/${encodeURIComponent(machine)}/${kind}${path ? `?path=${encodeURIComponent(path)}${more}` : ""}`;
  }

  list(machine, path) {
    return request("GET", this.at(machine, "files", path), undefined, this.csrf);
  }

  read(machine, path) {
    return request("GET", this.at(machine, "file", path), undefined, this.csrf);
  }

  save(machine, path, text, version) {
    return request("PUT", this.at(machine, "file"), { path, text, version }, this.csrf);
  }

  rename(machine, path, to) {
    return request("POST", this.at(machine, "files"), { path, to }, this.csrf);
  }

  makeDirectory(machine, path) {
    return request("POST", this.at(machine, "files"), { path, directory: true }, this.csrf);
  }

  remove(machine, path) {
    return request("DELETE", this.at(machine, "files", path), undefined, this.csrf);
  }

  /** Where a browser downloads it from. */
  raw(machine, path) {
    return this.at(machine, "raw", path);
  }

  /** In pieces, one after the other; told(percent) while it goes. */
  async upload(machine, path, file, told) {
    for (let at = 0; at === 0 || at < file.size; at += PIECE) {
      const answer = await fetch(this.at(machine, "raw", path, `&at=${at}`), {
        method: "PUT", body: file.slice(at, at + PIECE), credentials: "same-origin",
        headers: { "X-CSRFToken": this.csrf, "Content-Type": "application/octet-stream" },
      });
      if (!answer.ok) {
        const problem = await answer.json().catch(() => null);
        throw new Problem(answer.status, problem?.detail, problem?.code);
      }
      told(file.size ? Math.min(100, Math.round((100 * (at + PIECE)) / file.size)) : 100);
    }
  }
}

/** What went wrong, in our words where we have them. */
export function reason(problem) {
  if (!problem.status) return say("request-failed");
  const words = say(`edit-${problem.code}`);
  return words === `edit-${problem.code}` ? problem.message : words;
}

export const folder = (path) => path.replace(/\/[^/]*$/, "") || "/";
export const base = (path) => path.replace(/.*\//, "");
export const join = (directory, name) => `${directory === "/" ? "" : directory}/${name}`;
