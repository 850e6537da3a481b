// One producer publishes to a channel with many subscribers: every one of them must get every item, in order.
import { Counter, Trend } from "k6/metrics";
import { at, mine, vusFor } from "./load/fleet.js";
import { complain, failed, kept, lost, nothingWrong, pace, refused, violated } from "./load/metrics.js";
import { Pacer } from "./load/pacer.js";
import { beginning, clockScenario, longest, phaseAt } from "./load/phases.js";
import { common, connections, held, measured, rate, url, warmUp } from "./load/settings.js";
import { MillraceClient, valueOf } from "./wire/millrace.js";
import { asText } from "./wire/values.js";

export { clock } from "./load/phases.js";
export { summarize as handleSummary } from "./load/metrics.js";

/** Items that arrived, and milliseconds from publishing to arrival: coarse, and with k6's own time for all readers before this one. */
const items = new Counter("items");
const delivery = new Trend("delivery", true);
/** Items that did not come: holes and repetitions are violations as well (wire/subscription.js). */
const gaps = new Counter("gaps");
/** Readers that have got exactly the last item. */
const complete = new Counter("complete_readers");
const published = new Counter("published");

const CHANNEL = "news";
/** What the last item says, which tells how many there were. */
const LAST = "end";

export const options = {
  ...common,
  scenarios: {
    readers: held("readers", vusFor(connections), longest),
    producer: held("producer", 1, longest),
    clock: clockScenario,
  },
  thresholds: {
    ...nothingWrong,
    ...pace,
    gaps: ["count==0"],
    published: ["count>0"],
    complete_readers: [`count==${connections}`],
    "items{phase:steady}": ["count>0"],
    "delivery{phase:steady}": ["p(99)<2000"],
  },
};

/** The readers of one VU. */
export function readers() {
  const begin = beginning();
  for (const number of mine(connections)) {
    at(begin + number * warmUp / 2 / connections, () => reader(begin));
  }
}

/** All readers of a VU get the same bytes: they are decoded once. */
let last = { text: "", item: undefined };
function itemIn(payload) {
  const text = asText(payload);
  if (text !== last.text) last = { text, item: valueOf(payload) };
  return last.item;
}

function reader(begin) {
  let seen = 0;
  let isOver = false;
  const client = connect(() => client.subscribe(CHANNEL, { subscribed: () => {}, published }), () => isOver);
  const published = (payload) => {
    const now = Date.now();
    const { n, at, s } = itemIn(payload);
    if (s === LAST) return end(n === seen);
    if (n !== seen + 1) gaps.add(1);
    seen = n;
    const phase = { phase: phaseAt(now, begin) };
    items.add(1, phase);
    delivery.add(now - at, phase);
  };
  const end = (isComplete) => {
    isOver = true;
    if (isComplete) complete.add(1);
    else gaps.add(1);
    client.close();
  };
}

/** Waits until all readers are there, publishes at the rate, and at last how many there were. */
export function producer() {
  const begin = beginning();
  const until = begin + warmUp + measured;
  let isOver = false;
  let waiting = 0;
  let n = 0;
  const client = connect(() => countReaders(), () => isOver);
  const end = () => {
    isOver = true;
    failed.add(waiting);
    client.close();
  };
  const countReaders = () =>
    client.call("subscribers", undefined, ({ payload }) => {
      const count = valueOf(payload);
      if (count === connections) return publish();
      if (Date.now() < until) return setTimeout(countReaders, 100);
      complain(`${count} readers of ${connections} are there`);
      end();
    });
  const publish = () => {
    const period = 1000 / rate;
    new Pacer({ from: Date.now(), until, period: () => period }, one, finish);
  };
  const one = (inTime) => {
    kept.add(inTime);
    waiting++;
    client.publish(CHANNEL, { n: ++n, at: Date.now(), s: "abcdefghijklmnop" }, ({ error }) => {
      waiting--;
      if (error === undefined) published.add(1);
      else failed.add(1);
    });
  };
  const finish = () =>
    client.publish(CHANNEL, { n, at: Date.now(), s: LAST }, ({ error }) => {
      if (error !== undefined) failed.add(1);
      end();
    });
}

function connect(ready, isOver) {
  return new MillraceClient(url, {
    ready,
    closed: ({ code, reason, opened }) => {
      if (isOver()) return;
      complain(`closed ${code} ${reason}`);
      if (opened) lost.add(1);
      else refused.add(1);
    },
    violated,
  });
}
