// Reads what a client of the soak prints: a line of JSON for each rest and each cut, and one at its end.

const MIB = 1 << 20;
/** Milliseconds between two lines about how it goes. */
const PROGRESS = 30_000;

/** @typedef {{ at: number, server: { heap: number, rss: number }, client: { heap: number, rss: number } }} Sample */

/** What a client said. */
export class Lines {
  /** @type {Sample[]} */
  samples = [];
  /** The last line, once it is there. */
  end;
  #runtime;
  #cut;
  #rest = "";
  #shown = 0;

  /** Calls `cut` with a random number when the client wants a connection to be cut. */
  constructor(runtime, cut) {
    this.#runtime = runtime;
    this.#cut = cut;
  }

  /** Takes the next output, in whatever pieces. */
  add(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const found = JSON.parse(line);
      if (found.end) this.end = found;
      else if ("cut" in found) this.#cut(found.cut);
      else this.#sample(found);
    }
  }

  #sample(sample) {
    this.samples.push(sample);
    if (sample.at - this.#shown < PROGRESS) return;
    this.#shown = sample.at;
    const [server, client] = [sample.server, sample.client].map(({ heap }) => (heap / MIB).toFixed(1));
    const seconds = (sample.at / 1000).toFixed(0);
    console.log(`${this.#runtime}: after ${seconds} s the server keeps ${server} MiB, the client ${client}`);
  }
}
