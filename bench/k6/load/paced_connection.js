// One connection that stays open, and calls on it at a rate: every answer is checked, and what is not answered counts as failed.
import { answers, complain, failed, kept, latency, lost, refused, violated } from "./metrics.js";
import { Pacer } from "./pacer.js";
import { PATIENCE } from "./phases.js";

/**
 * @typedef {object} Plan
 * @property {(events: import("../wire/socket.js").Events) => import("../wire/contenders.js").Wire} open
 * @property {number} burst  calls at each beat, each in a frame of its own
 * @property {() => { from: number, until: number, period: (now: number) => number }} times  asked once the connection is ready
 * @property {(now: number) => Record<string, string>} tags  of an answer that comes now
 * @property {(burst: { sentAt: number, now: number }) => void} [answered]  all calls of one beat
 */

export class PacedConnection {
  #plan;
  #wire;
  #pacer;
  #waiting = 0;
  #ending = false;
  #patience;

  /** @param {Plan} plan */
  constructor(plan) {
    this.#plan = plan;
    this.#wire = plan.open({
      ready: () => this.#start(),
      closed: (end) => this.#closed(end),
      violated,
    });
  }

  #start() {
    this.#pacer = new Pacer(this.#plan.times(), (inTime) => this.#beat(inTime), () => this.#drain());
  }

  #beat(inTime) {
    kept.add(inTime);
    const { burst } = this.#plan;
    const beat = { sentAt: Date.now(), left: burst, wrong: 0 };
    this.#waiting += burst;
    for (let i = 0; i < burst; i++) this.#wire.call((correct) => this.#answered(beat, correct));
  }

  /** Counts beats and not calls: a sample costs k6 as much as a call. */
  #answered(beat, correct) {
    this.#waiting--;
    if (!correct) beat.wrong++;
    if (--beat.left === 0) {
      const now = Date.now();
      const tags = this.#plan.tags(now);
      answers.add(this.#plan.burst - beat.wrong, tags);
      latency.add(now - beat.sentAt, tags);
      if (beat.wrong > 0) failed.add(beat.wrong);
      if (this.#plan.answered !== undefined) this.#plan.answered({ sentAt: beat.sentAt, now });
    }
    if (this.#ending && this.#waiting === 0) this.#close();
  }

  #drain() {
    this.#ending = true;
    if (this.#waiting === 0) return this.#close();
    this.#patience = setTimeout(() => this.#close(), PATIENCE);
  }

  #close() {
    clearTimeout(this.#patience);
    this.#wire.close();
  }

  #closed({ code, reason, opened }) {
    if (this.#pacer !== undefined) this.#pacer.stop();
    clearTimeout(this.#patience);
    if (!opened) refused.add(1);
    else if (!this.#ending) lost.add(1);
    if (!this.#ending || this.#waiting > 0) {
      complain(`closed ${code} ${reason}, ${this.#waiting} calls without an answer`);
    }
    failed.add(this.#waiting);
  }
}
