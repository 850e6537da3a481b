import { z } from "zod";
import { define } from "../../mod.ts";

/**
 * What passes the procedures of this app, since the start. An app tells what is open, as gauges; what has passed it leaves to middleware such as
 * the one below.
 */
export const traffic = { received: 0, sent: 0 };

/** Who calls, where it has said so. */
export interface Visitor {
  /** What others may know it by. */
  visitor?: string;
}

const plain = define<Visitor>();

const counting = plain.middleware(async (_, next) => {
  traffic.received++;
  try {
    return await next();
  } finally {
    traffic.sent++;
  }
});

const counted = plain.use(counting);

/** Who asked for which gate. The order of the channel decides, so it is the same on all nodes; clients have no part in it. */
const gates = counted.channel({
  message: z.object({ gate: z.string(), by: z.string() }),
  history: { messages: 100, seconds: 60 },
  allow: { subscribe: () => false, publish: () => false },
});

/** What a visitor is notified of. Only they read it, and only the server writes it. */
const inbox = counted.channel({
  message: z.object({ text: z.string(), sent: z.date() }),
  history: { messages: 100, seconds: 86_400 },
  allow: {
    subscribe: ({ visitor, params }) => visitor !== undefined && params["visitor"] === visitor,
    publish: () => false,
  },
});

/** Makes channels that no handler of this app publishes to. */
export const { channel } = counted;

/** The tools of this app: every call of its procedures is counted. */
export const { procedure, millrace } = counted.with({
  channels: { gates, "inbox/:visitor": inbox },
});

/** Items on their way to a caller, counted. */
export async function* sent<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  for await (const item of items) {
    traffic.sent++;
    yield item;
  }
}

/** Items from a caller, counted. */
export async function* received<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  for await (const item of items) {
    traffic.received++;
    yield item;
  }
}
