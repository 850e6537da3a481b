// Calls at a rate that does not depend on the answers. An arrival-rate executor of k6 does that for iterations, and an iteration ends
// only when its sockets are closed: for calls on a connection that stays open, the rate has to be kept in here.

/** A beat later than this was not kept: k6 is at its limit, or something else has the machine. */
const LATE = 100;

export class Pacer {
  #next;
  #end;
  #period;
  #beat;

  /**
   * @param {{ from: number, until: number, period: (now: number) => number }} times  ms since 1970, and ms between two beats
   * @param {(kept: boolean) => void} beat  told late of beats that were missed, as often as they are due
   * @param {() => void} over
   */
  constructor({ from, until, period }, beat, over) {
    this.#next = from;
    this.#period = period;
    this.#beat = beat;
    this.#end = { until, over };
    this.#wait();
  }

  /** Makes no more beats, and does not say that it is over. */
  stop() {
    this.#end.until = 0;
    this.#end.over = () => {};
  }

  #wait() {
    setTimeout(() => this.#run(), Math.max(1, this.#next - Date.now()));
  }

  #run() {
    const now = Date.now();
    while (this.#next <= now && this.#next < this.#end.until) {
      this.#beat(now - this.#next < LATE);
      this.#next += this.#period(this.#next);
    }
    if (this.#next < this.#end.until) this.#wait();
    else this.#end.over();
  }
}
