/* The files that are open in the editor: what was read, what was changed, and how each is saved. */

export class Buffers {
  /** options: {read(path), save(path, text, version), mirror} */
  constructor(options) {
    Object.assign(this, options);
    this.open = new Map();
    this.current = null;
  }

  /** Bring a file to the front, read if need be. `text` is what one that is not there begins with. */
  async show(path, text) {
    let buffer = this.open.get(path);
    if (!buffer) {
      buffer = await this.load(path, text);
      this.open.set(path, buffer);
    }
    this.stash();
    this.current = buffer;
    if (buffer.state) this.mirror.restore(buffer.state, path);
    else await this.mirror.open(buffer.text ?? "", path, buffer.text === null);
    return buffer;
  }

  async load(path, text) {
    try {
      const found = await this.read(path);
      return { path, text: found.text, version: found.version, why: found.why, dirty: false };
    } catch (problem) {
      if (problem.code !== "missing" || text === undefined) throw problem;
      return { path, text, version: "new", why: "", dirty: true };
    }
  }

  stash() {
    if (this.current) this.current.state = this.mirror.view.state;
  }

  /** Save the file in front; a problem with code "changed" or "exists" says that somebody else wrote it. */
  async store(version = this.current.version) {
    const buffer = this.current;
    const text = this.mirror.text();
    const answer = await this.save(buffer.path, text, version);
    buffer.version = answer.version;
    buffer.dirty = buffer === this.current ? this.mirror.text() !== text : true;
  }

  /** Take what is in the machine now in place of what is here. */
  async again(buffer = this.current) {
    const found = await this.load(buffer.path);
    Object.assign(buffer, found, { state: undefined });
    if (buffer === this.current) await this.mirror.open(buffer.text ?? "", buffer.path, buffer.text === null);
  }

  /** If the file in front was changed by a command meanwhile, and not here, show it as it is. */
  async follow() {
    const buffer = this.current;
    if (!buffer || buffer.dirty || buffer.text === null) return;
    const found = await this.read(buffer.path);
    if (found.version !== buffer.version && buffer === this.current && !buffer.dirty) await this.again(buffer);
  }

  close(path) {
    this.open.delete(path);
    if (this.current?.path === path) this.current = null;
    return [...this.open.keys()].at(-1);
  }

  renamed(path, to) {
    for (const [old, buffer] of [...this.open]) {
      if (old !== path && !old.startsWith(`${path}/`)) continue;
      this.open.delete(old);
      buffer.path = to + old.slice(path.length);
      this.open.set(buffer.path, buffer);
    }
  }

  get unsaved() {
    return [...this.open.values()].some((buffer) => buffer.dirty);
  }
}
