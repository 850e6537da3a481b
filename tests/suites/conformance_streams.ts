/** Conformance: streams of items. */
import { all, failure, same, told, truly, until } from "./check.ts";
import type { Case } from "./conformance.ts";

/** The cases. */
export const streamCases: Readonly<Record<string, Case>> = {
  "a stream gives its items in order": async ({ client }) => {
    const { call } = client();
    same(await all(call.countdown(3)), [3, 2, 1]);
    same(await all(call.countdown(0)), []);
    const many = await all(call.countdown(5_000));
    same([many.length, many[0], many.at(-1)], [5_000, 5_000, 1]);
  },

  "awaiting a stream gives the same items once it is accepted": async ({ client }) => {
    const items = await client().call.countdown(2);
    same(await all(items), [2, 1]);
  },

  "twenty streams at once do not mix": async ({ client }) => {
    const { call } = client();
    const got = await Promise.all(Array.from({ length: 20 }, (_, i) => all(call.countdown(i * 10))));
    same(got.map(({ length }) => length), Array.from({ length: 20 }, (_, i) => i * 10));
  },

  "leaving a stream runs the handler's finally": async ({ client, ticket }) => {
    const { call } = client();
    for await (const n of call.endless(ticket)) if (n === 3) break;
    await until(() => call.journal(ticket), ["started", "returned"]);
  },

  "cancel and abort end a stream with an error": async ({ client, ticket }) => {
    const { call } = client();
    const abort = new AbortController();
    const stream = call.endless(ticket, { signal: abort.signal });
    same((await stream.next()).value, 0);
    abort.abort();
    same(told(await failure(all(stream))), { code: "CANCELLED", ambiguous: true });
    await until(() => call.journal(ticket), ["started", "returned"]);
  },

  "a deadline ends a stream": async ({ client, ticket }) => {
    const { call } = client();
    await call.add({ a: 0, b: 0 }); // the time of the call below is not spent on the connection
    const stream = call.endless(ticket, { timeout: 250 });
    same((await stream.next()).value, 0);
    same((await failure(all(stream))).code, "DEADLINE");
    await until(() => call.journal(ticket), ["started", "returned"]);
  },

  "a reader that does not read stops the source": async ({ client, ticket }) => {
    const { call } = client();
    const stream = call.endless(ticket);
    same((await stream.next()).value, 0);
    for (let i = 0; i < 50; i++) same(await call.add({ a: i, b: 0 }), i);
    const { heldBytes } = await call.gauges();
    truly(heldBytes! < 2 << 20, `${heldBytes} bytes are held for an endless stream`);
    same((await stream.next()).value, 1);
    await stream.return();
    await until(() => call.journal(ticket), ["started", "returned"]);
  },

  "a stream that breaks gives its items, then its error": async ({ client }) => {
    const { call } = client();
    const got: number[] = [];
    const error = await failure((async () => {
      for await (const n of call.breaks()) got.push(n);
    })());
    same(got, [1, 2]);
    same(told(error), { code: "HALT", declared: true, data: { at: 2 } });
    same(told(await failure(all(call.badItem()))), { code: "INTERNAL" });
  },

  "items larger than the window arrive, and small calls pass them": async ({ client }) => {
    const { call } = client();
    const sizes: number[] = [];
    let calls = 0;
    for await (const { n, text } of call.large({ items: 4, size: 500_000 })) {
      sizes.push(text.length);
      same(text[0], String(n % 10));
      same(await call.add({ a: ++calls, b: 0 }), calls);
    }
    same(sizes, [500_000, 500_000, 500_000, 500_000]);
  },

  "an upload gives one value of many": async ({ client }) => {
    const { call } = client();
    same(await call.sum(undefined, numbers(1_000)), 499_500);
    same(await call.sum("ticket", numbers(0)), 0);
  },

  "a handler that has enough stops the caller's source": async ({ client }) => {
    const { call } = client();
    const ended = Promise.withResolvers<void>();
    same(await call.first(endless(ended.resolve)), 0);
    await ended.promise;
    const ignored = Promise.withResolvers<void>();
    same(await call.ignore(endless(ignored.resolve)), "ignored");
    await ignored.promise;
  },

  "a wrong item ends an upload with issues": async ({ client }) => {
    const wrong = (async function* () {
      yield 1;
      yield "two" as unknown as number;
    })();
    const error = await failure(client().call.sum(undefined, wrong));
    same([error.code, (error.data as { issues: unknown[] }).issues.length], ["BAD_INPUT", 1]);
  },

  "a source that fails ends the upload": async ({ client, ticket }) => {
    const { call } = client();
    const broken = (async function* () {
      yield 1;
      throw new Error("the disk is full");
    })();
    await failure(call.sum(ticket, broken));
    same(await call.journal(ticket), []);
    same(await call.add({ a: 1, b: 1 }), 2);
  },

  "a duplex talks both ways at once": async ({ client }) => {
    const { call } = client();
    const lines = new Lines();
    const talk = call.talk(lines);
    for (const word of ["mill", "race", "wheel"]) {
      lines.say(word);
      same((await talk.next()).value, word.toUpperCase());
    }
    lines.end();
    same(await talk.next(), { done: true, value: undefined });
    same(await all(call.prefix("n", numbers(3))), ["n0", "n1", "n2"]);
  },

  "leaving a duplex stops the caller's source": async ({ client }) => {
    const { call } = client();
    const ended = Promise.withResolvers<void>();
    for await (const line of call.prefix("", endless(ended.resolve))) if (line === "5") break;
    await ended.promise;
  },
};

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) yield n;
}

async function* endless(ended: () => void): AsyncGenerator<number> {
  try {
    for (let n = 0;; n++) yield n;
  } finally {
    ended();
  }
}

/** Items that a case gives one by one. */
class Lines implements AsyncIterable<string> {
  readonly #said: string[] = [];
  #ended = false;
  #wake = (): void => {};

  say(line: string): void {
    this.#said.push(line);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    while (true) {
      while (this.#said.length > 0) yield this.#said.shift()!;
      if (this.#ended) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
