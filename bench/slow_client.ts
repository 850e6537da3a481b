// The readers of bench/slow_readers.mjs: each takes ten times as long for a message as there is between two, under one policy. A line of JSON with what they found.
//   slow_client.ts URL POLICY READERS RATE SECONDS
import process from "node:process";
import type { ChannelEvent, DeliveryPolicy } from "../client/mod.ts";
import { connect } from "../client/whole.ts";
import type { App } from "./slow_server.ts";

const [url, policy, readers, rate, seconds] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const [KEYS, BYTES] = [10, 1_024];
/** Milliseconds that a reader takes, and in which the last must have come. */
const [EACH, END] = [10_000 / Number(rate), 60_000];

const POLICIES: Readonly<Record<string, DeliveryPolicy>> = {
  "all": "all",
  "latest": { latest: true },
  "latest-by-key": { latest: ["key"] },
  "sample": { sample: 5 },
  "sample-by-key": { sample: 2, by: ["key"] },
  "drop-oldest": "drop oldest",
};

/** One of them. */
class Reader {
  messages = 0;
  gaps = 0;
  left = 0;
  resets = 0;
  /** Events that did not follow on the one before. */
  wrong = 0;
  /** Gaps that no policy makes. */
  strange = 0;
  at = 0;
  newest = -1;
  readonly byKey = new Map<number, number>();

  async take(event: ChannelEvent<{ readonly n: number; readonly key: number }>): Promise<void> {
    const { offset } = event.position;
    if (event.type === "reset") {
      this.resets++;
      this.at = offset;
      return;
    }
    const from = event.type === "gap" ? event.from : offset;
    if (from !== this.at + 1) this.wrong++;
    this.at = offset;
    if (event.type === "gap") {
      this.gaps++;
      this.left += event.to - event.from + 1;
      if (!["conflated", "sampled", "dropped"].includes(event.reason)) this.strange++;
      return;
    }
    this.messages++;
    this.newest = event.data.n;
    this.byKey.set(event.data.key, event.data.n);
    await new Promise((resolve) => setTimeout(resolve, EACH));
  }
}

const clients = Array.from({ length: Number(readers) }, () => connect<App>(url));
const all = await Promise.all(clients.map(async (client) => {
  const reader = new Reader();
  const options = { policy: POLICIES[policy]! };
  const subscription = client.channel("feed/:id", { id: policy }).subscribe(
    options,
    (event) => reader.take(event),
  );
  await subscription.ready();
  return reader;
}));
const maker = connect<App>(url);
const work = { id: policy, rate: Number(rate), seconds: Number(seconds), keys: KEYS, bytes: BYTES };
const { published, top, weights } = await maker.call.run(work, { timeout: 120_000 });
const behind = all.filter(({ newest }) => newest < published - 1).length;
const ended = performance.now();
while (all.some(({ at }) => at < top) && performance.now() - ended < END) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await new Promise((resolve) => setTimeout(resolve, 100));
const isKeyed = policy.endsWith("by-key");
const sum = (of: (reader: Reader) => number) => all.reduce((total, reader) => total + of(reader), 0);
const lacks = ({ newest, byKey, resets }: Reader) =>
  (resets === 0 && newest !== published - 1) || // a reset to the top says that the state is to be loaded, the newest with it
  (isKeyed &&
    Array.from({ length: KEYS }, (_, i) => published - 1 - i).some((n) => byKey.get(n % KEYS) !== n));
console.log(JSON.stringify({
  policy,
  published,
  readers: all.length,
  messages: sum(({ messages }) => messages),
  gaps: sum(({ gaps }) => gaps),
  left: sum(({ left }) => left),
  resets: sum(({ resets }) => resets),
  wrong: sum(({ wrong, strange }) => wrong + strange),
  uncovered: sum(({ messages, left, resets }) => resets > 0 ? 0 : published - messages - left),
  behind,
  lacking: all.filter(lacks).length,
  late: Math.round(performance.now() - ended - 100),
  weights,
}));
await Promise.all([maker, ...clients].map((client) => client.close()));
process.exit(0);
