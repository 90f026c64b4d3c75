/* The one clock of a replay: plays, pauses, changes speed, jumps. Whoever shows something hears of the moment. */

export class Player {
  /** moved(seconds, playing) is called for each frame and each jump. */
  constructor(seconds, moved) {
    Object.assign(this, { seconds, moved, at: 0, speed: 1, playing: false });
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.at >= this.seconds) this.at = 0;
    this.playing = true;
    this.last = performance.now();
    this.frame = requestAnimationFrame((now) => this.tick(now));
    this.moved(this.at, true);
  }

  pause() {
    this.playing = false;
    cancelAnimationFrame(this.frame);
    this.moved(this.at, false);
  }

  tick(now) {
    if (!this.playing) return;
    this.at = Math.min(this.seconds, this.at + (Math.max(0, now - this.last) / 1000) * this.speed);
    this.last = now;
    if (this.at >= this.seconds) return this.pause();
    this.moved(this.at, true);
    this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  seek(seconds) {
    this.at = Math.max(0, Math.min(this.seconds, seconds));
    this.moved(this.at, this.playing);
  }
}
