// Every connection ends at the same moment, and every client comes back with jitter: how long until all have been answered again, and how
// many handshakes fail on the way. SIDE says who ends them: the server (with 1012, as in a restart) or the clients.
import { Counter, Trend } from "k6/metrics";
import { at, mine, vusFor } from "./load/fleet.js";
import { complain, failed, nothingWrong, refused, violated } from "./load/metrics.js";
import { beginning, clockScenario, longest } from "./load/phases.js";
import { common, connections, held, measured, number as setting, url, warmUp } from "./load/settings.js";
import { MillraceClient, reconnects, valueOf } from "./wire/millrace.js";
import { isSame, smallValue } from "./wire/values.js";

export { clock } from "./load/phases.js";
export { summarize as handleSummary } from "./load/metrics.js";

const SIDE = __ENV.SIDE || "server";
/** A client comes back after a random time up to this: full jitter. It doubles with each attempt that fails. */
const JITTER = setting("JITTER", 1_000);
const MOST_JITTER = 10_000;
/** How long after the jitter the last client may have its answer. */
const RECOVERY = 5_000;

/** Connections with an answered call: before the cut, and after it. */
const before = new Counter("answered_before");
const back = new Counter("answered_again");
/** Milliseconds from the cut to that answer. */
const outage = new Trend("outage", true);
/** The codes that the clients saw, as a tag. */
const closes = new Counter("closes");

export const options = {
  ...common,
  scenarios: {
    clients: held("clients", vusFor(connections), longest),
    ...(SIDE === "server" ? { cutter: held("cutter", 1, longest) } : {}),
    clock: clockScenario,
  },
  thresholds: {
    ...nothingWrong,
    failed_handshakes: [`count<=${Math.floor(connections / 100)}`],
    answered_before: [`count==${connections}`],
    answered_again: [`count==${connections}`],
    outage: [`max<${JITTER + RECOVERY}`],
  },
};

/** The clients of one VU. */
export function clients() {
  const begin = beginning();
  for (const number of mine(connections)) {
    at(begin + number * warmUp * 0.7 / connections, () => new Client(begin, number).connect());
  }
}

class Client {
  #cut;
  #end;
  #value;
  #attempts = 0;
  #isAnswered = false;
  #isBack = false;

  constructor(begin, number) {
    this.#cut = begin + warmUp;
    this.#end = begin + warmUp + measured;
    this.#value = smallValue(number);
  }

  connect() {
    const client = new MillraceClient(url, {
      ready: () => client.call("echo", this.#value, (answer) => this.#answered(client, answer)),
      closed: (end) => this.#closed(end),
      violated,
    });
  }

  #answered(client, { error, payload }) {
    if (error !== undefined || !isSame(valueOf(payload), this.#value)) return failed.add(1);
    this.#attempts = 0;
    if (this.#isAnswered) {
      this.#isBack = true;
      back.add(1);
      outage.add(Date.now() - this.#cut);
      at(this.#end, () => client.close());
    } else {
      this.#isAnswered = true;
      before.add(1);
      if (SIDE === "client") at(this.#cut, () => client.close());
    }
  }

  #closed({ code, reason, opened }) {
    if (this.#isBack) return; // the end of the run
    if (opened) closes.add(1, { code: String(code) });
    else refused.add(1);
    const isFinal = opened && SIDE === "server" && !reconnects(code);
    if (isFinal || Date.now() > this.#end) return complain(`gave up: ${code} ${reason}`);
    const most = Math.min(MOST_JITTER, JITTER * 2 ** this.#attempts++);
    setTimeout(() => this.connect(), Math.max(1, Math.random() * most));
  }
}

/** Tells the server to end all connections. */
export function cutter() {
  const cut = beginning() + warmUp;
  at(cut - 500, () => {
    const client = new MillraceClient(url, {
      ready: () => at(cut, () => client.call("cut", undefined, () => {})),
      closed: () => {},
      violated,
    });
  });
}
