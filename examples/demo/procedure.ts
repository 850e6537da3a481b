import { define } from "../../mod.ts";

/**
 * What passes the procedures of this app, since the start. An app tells what is open, as gauges; what has passed it leaves to middleware such as
 * the one below.
 */
export const traffic = { received: 0, sent: 0 };

const plain = define();

const counting = plain.middleware(async (_, next) => {
  traffic.received++;
  try {
    return await next();
  } finally {
    traffic.sent++;
  }
});

/** The tools of this app: every call of its procedures is counted. */
export const { channel, procedure, millrace } = plain.use(counting);

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
