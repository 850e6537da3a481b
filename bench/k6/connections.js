// Opens connections at a steady rate up to a number, each with an answered call, and then keeps calling over all of them: what a connection
// costs in memory, whether the number matters for a call, and whether the machine allows so many.
import { Counter, Trend } from "k6/metrics";
import { at, mine, vusFor } from "./load/fleet.js";
import { answers, complain, failed, kept, latency, lost, paced, refused, violated } from "./load/metrics.js";
import { Pacer } from "./load/pacer.js";
import { beginning, clockScenario, longest, phaseAt } from "./load/phases.js";
import { common, connections, held, measured, rate, url, warmUp } from "./load/settings.js";
import { MillraceClient, valueOf } from "./wire/millrace.js";
import { isSame, smallValue } from "./wire/values.js";

export { clock } from "./load/phases.js";
export { summarize as handleSummary } from "./load/metrics.js";

/** Connections with an answered call. As `lost_connections` must be 0, they were all open in the end. */
const established = new Counter("established");
/** Milliseconds from the first byte of a connection to the answer of its first call. */
const firstAnswer = new Trend("first_answer", true);

export const options = {
  ...common,
  scenarios: { clients: held("clients", vusFor(connections), longest), clock: clockScenario },
  thresholds: {
    ...paced,
    established: [`count==${connections}`],
    first_answer: ["p(99)<5000"],
  },
};

/** Handshakes of one VU that are under way: with all that are due, a slow moment becomes a storm. */
const MOST_OPENING = 8;

/** The connections of one VU. They are opened in the first nine tenths of the warm-up. */
export function clients() {
  const begin = beginning();
  const fleet = new Fleet(begin, mine(connections));
  fleet.open();
  at(begin + warmUp, () => fleet.call());
}

class Fleet {
  #begin;
  #numbers;
  #opening = 0;
  #clients = [];
  #next = 0;
  #isOver = false;

  constructor(begin, numbers) {
    this.#begin = begin;
    this.#numbers = numbers;
  }

  /** Opens the next one when it is due and few enough are under way. */
  open() {
    if (this.#numbers.length === 0 || this.#opening >= MOST_OPENING || this.#isOver) return;
    this.#opening++;
    const number = this.#numbers.shift();
    at(this.#begin + number * warmUp * 0.9 / connections, () => this.#add(number));
    this.open();
  }

  #opened() {
    this.#opening--;
    this.open();
  }

  #add(number) {
    const started = Date.now();
    const value = smallValue(number);
    const client = new MillraceClient(url, {
      ready: () =>
        this.#echo(client, value, () => {
          established.add(1);
          firstAnswer.add(Date.now() - started);
          this.#clients.push({ client, value });
          this.#opened();
        }),
      closed: ({ code, reason, opened }) => {
        if (this.#isOver) return;
        complain(`closed ${code} ${reason} with ${this.#clients.length} open in this VU`);
        if (opened) return lost.add(1);
        refused.add(1);
        this.#opened();
      },
      violated,
    });
  }

  /** Calls over all in turn, at this VU's share of the rate. */
  call() {
    if (this.#clients.length === 0) return this.#end();
    const period = 1000 * vusFor(connections) / rate;
    const times = { from: Date.now(), until: this.#begin + warmUp + measured, period: () => period };
    new Pacer(times, (inTime) => this.#beat(inTime), () => this.#end());
  }

  #beat(inTime) {
    kept.add(inTime);
    const { client, value } = this.#clients[this.#next++ % this.#clients.length];
    const sentAt = Date.now();
    this.#echo(client, value, () => {
      const now = Date.now();
      const phase = { phase: phaseAt(now, this.#begin) };
      answers.add(1, phase);
      latency.add(now - sentAt, phase);
    });
  }

  #echo(client, value, done) {
    client.call("echo", value, ({ error, payload }) => {
      if (error === undefined && isSame(valueOf(payload), value)) done();
      else failed.add(1);
    });
  }

  /** The last answers have a second. */
  #end() {
    setTimeout(() => {
      this.#isOver = true;
      for (const { client } of this.#clients) {
        failed.add(client.waiting);
        client.close();
      }
    }, 1_000);
  }
}
