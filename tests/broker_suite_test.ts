// The checks that every broker has to pass can fail: one broken broker for each rule, which its own check finds.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ChannelIndex } from "../brokers/channel_index.ts";
import { MemoryBroker } from "../brokers/memory.ts";
import {
  type Append,
  type Appended,
  BrokerError,
  type BrokerListener,
  type Claim,
  type Ledger,
  type Page,
  type Query,
} from "../rpc/broker.ts";
import type { Directory } from "../rpc/directory.ts";
import { KEEP } from "../testing/broker_kit.ts";
import { brokerSuite } from "../testing/broker_suite.ts";
import { CAPABILITIES, MemoryFixture } from "./suites/memory_fixture.ts";

/** Appends otherwise than it is asked to. */
function appending(change: (append: Append) => Partial<Append>): typeof MemoryBroker {
  return class extends MemoryBroker {
    override append(name: string, append: Append): Appended {
      return super.append(name, { ...append, ...change(append) });
    }
  };
}

/** Answers an append otherwise than it was. */
function appended(change: (done: Appended) => Partial<Appended>): typeof MemoryBroker {
  return class extends MemoryBroker {
    override append(name: string, append: Append): Appended {
      const done = super.append(name, append);
      return { ...done, ...change(done) };
    }
  };
}

/** Is asked otherwise, or answers a read otherwise. */
function reading(
  ask: (query: Query) => Query,
  change: (page: Page, query: Query) => Partial<Page> = () => ({}),
): typeof MemoryBroker {
  return class extends MemoryBroker {
    override read(name: string, query: Query): Page {
      const page = super.read(name, ask(query));
      return { ...page, ...change(page, query) };
    }
  };
}

const as = (query: Query): Query => query;

/** Listens in the name of others. */
function listening(change: (listener: BrokerListener) => Partial<BrokerListener>): typeof MemoryBroker {
  return class extends MemoryBroker {
    readonly #own = new Map<BrokerListener, BrokerListener>();

    override subscribe(name: string, listener: BrokerListener): void {
      const usual: BrokerListener = {
        entry: (epoch, entry) => listener.entry(epoch, entry),
        signal: (data, from) => listener.signal(data, from),
        uncertain: () => listener.uncertain(),
      };
      const own = this.#own.get(listener) ?? { ...usual, ...change(listener) };
      this.#own.set(listener, own);
      super.subscribe(name, own);
    }

    override unsubscribe(name: string, listener: BrokerListener): void {
      super.unsubscribe(name, this.#own.get(listener) ?? listener);
    }
  };
}

/** Knows names otherwise. */
function directory(
  change: (whole: ChannelIndex) => Partial<Record<keyof Directory | "note" | "forget", unknown>>,
): typeof MemoryBroker {
  return class extends MemoryBroker {
    constructor(...options: ConstructorParameters<typeof MemoryBroker>) {
      super(...options);
      const { directory } = this;
      const whole = Object.create(
        directory,
        Object.fromEntries(
          (["note", "forget", "list", "known", "watch", "unwatch"] as const).map((name) =>
            [name, { value: (directory[name] as (...args: unknown[]) => unknown).bind(directory) }] as const
          ),
        ),
      ) as ChannelIndex;
      Object.assign(directory, change(whole));
    }
  };
}

/** All channels are one. */
class OneChannel extends MemoryBroker {
  override append(_: string, append: Append): Appended {
    return super.append("one", append);
  }

  override read(_: string, query: Query): Page {
    return super.read("one", query);
  }
}

/** Invents a result for what it has forgotten. */
class Inventive extends MemoryBroker {
  override append(name: string, append: Append): Appended {
    try {
      return super.append(name, append);
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== "FORGOTTEN") throw error;
      const { epoch, top } = this.read(name, { messages: 0, bytes: 0 });
      return { position: { epoch, ...top }, duplicate: true, durability: "memory" };
    }
  }
}

/** Takes nobody who does not begin at 1. */
class Strict extends MemoryBroker {
  readonly #known = new Set<string>();

  override append(name: string, append: Append): Appended {
    const { producer } = append;
    const who = `${name} ${producer?.id}`;
    if (producer !== undefined && producer.n > 1 && !this.#known.has(who)) {
      throw new BrokerError("OUT_OF_ORDER", "who are you?");
    }
    this.#known.add(who);
    return super.append(name, append);
  }
}

/** Pushes retries too. */
class Echo extends MemoryBroker {
  readonly #listeners = new Set<BrokerListener>();

  override subscribe(name: string, listener: BrokerListener): void {
    this.#listeners.add(listener);
    super.subscribe(name, listener);
  }

  override append(name: string, append: Append): Appended {
    const done = super.append(name, append);
    if (!done.duplicate) return done;
    const { epoch, offset } = done.position;
    const [entry] = super.read(name, { after: offset - 1, messages: 1, bytes: 1 }).entries;
    for (const listener of this.#listeners) listener.entry(epoch, entry!);
    return done;
  }
}

/** Listens twice where it is asked to twice. */
class Twofold extends MemoryBroker {
  override subscribe(name: string, listener: BrokerListener): void {
    super.subscribe(name, {
      entry: (epoch, entry) => listener.entry(epoch, entry),
      signal: (data, from) => listener.signal(data, from),
      uncertain: () => listener.uncertain(),
    });
  }
}

/** Tells the publisher what a listener throws. */
class Leaky extends MemoryBroker {
  #thrown: unknown;

  override subscribe(name: string, listener: BrokerListener): void {
    super.subscribe(name, {
      entry: (epoch, entry) => {
        try {
          listener.entry(epoch, entry);
        } catch (error) {
          this.#thrown = error;
        }
      },
      signal: (data, from) => listener.signal(data, from),
      uncertain: () => listener.uncertain(),
    });
  }

  override append(name: string, append: Append): Appended {
    const done = super.append(name, append);
    if (this.#thrown !== undefined) throw this.#thrown;
    return done;
  }
}

/** Goes on after it was closed. */
class Undead extends MemoryBroker {
  override close(): void {}
}

/** A ledger that does otherwise. */
function ledger(
  change: (own: Ledger) => Partial<Ledger>,
): typeof MemoryBroker {
  return class extends MemoryBroker {
    constructor(...args: ConstructorParameters<typeof MemoryBroker>) {
      super(...args);
      const own = this.ledger;
      const usual = {
        claim: own.claim.bind(own),
        renew: own.renew.bind(own),
        settle: own.settle.bind(own),
        forget: own.forget.bind(own),
      };
      Object.assign(own, change(usual));
    }
  };
}

/** How the name of the check begins, and a broker that breaks its rule. */
const BROKEN: readonly (readonly [string, typeof MemoryBroker])[] = [
  [
    "numbers from 1",
    appended(({ position }) => ({ position: { ...position, offset: position.offset - 1 } })),
  ],
  ["each channel has its own numbers", OneChannel],
  ["keeps data and fingerprint", appending(({ fingerprint }) => ({ fingerprint: (fingerprint ^ 1) >>> 0 }))],
  [
    "the times of entries never go back",
    reading(as, ({ entries }) => ({ entries: entries.map((entry) => ({ ...entry, at: -entry.offset })) })),
  ],
  ["a retry lands once", appending(() => ({ producer: undefined }))],
  ["the latest 64 results", Inventive],
  [
    "a number that leaves a gap",
    appending(({ producer }) => producer && { producer: { ...producer, low: producer.n } } || {}),
  ],
  ["a producer that the stream does not know", Strict],
  [
    "a producer that the stream does not know, and that has lost",
    appending(({ producer }) => producer && { producer: { ...producer, low: producer.n } } || {}),
  ],
  [
    "producers are known for each channel",
    appending(({ producer }) => producer && { producer: { ...producer, id: "one" } } || {}),
  ],
  [
    "keeps the latest entries only",
    appending(({ retention }) => ({ retention: { ...retention, messages: 1_000 } })),
  ],
  [
    "a channel without history",
    appending(({ retention }) => ({
      retention: { ...retention, messages: Math.max(1, retention.messages) },
    })),
  ],
  [
    "entries go when their time is over",
    appending(({ retention }) => ({ retention: { ...retention, ms: 1e12 } })),
  ],
  [
    "who listens hears each publication once",
    listening((listener) => ({
      entry: (epoch, entry) => [1, 2].forEach(() => listener.entry(epoch, entry)),
    })),
  ],
  ["a retry, and what is refused", Echo],
  ["who listens no more", Twofold],
  ["a signal reaches all", listening((listener) => ({ signal: (data) => listener.signal(data, undefined) }))],
  ["what a listener throws", Leaky],
  ["is of no use after it was closed", Undead],
  [
    "upwards after an offset",
    reading(({ after, ...query }) => after === undefined ? query : { ...query, after: after + 1 }),
  ],
  [
    "downwards before an offset",
    reading(as, ({ entries }, { before }) => before === undefined ? {} : { entries: entries.toReversed() }),
  ],
  ["from a time on", reading(({ at: _, ...query }) => query)],
  ["a page has a bound in bytes", reading((query) => ({ ...query, bytes: 1 << 30 }))],
  ["a page of no messages", reading((query) => ({ ...query, messages: Math.max(1, query.messages) }))],
  [
    "the fingerprint at an offset",
    reading(as, ({ boundary, top }) => ({ boundary: boundary ?? top.fingerprint })),
  ],
  [
    "the fingerprint at an offset",
    reading(as, (_, { before }) => before === undefined ? {} : { boundary: undefined }),
  ],
  [
    "after an offset whose successors",
    reading(as, ({ oldest, entries }, { after = 0 }) => after + 1 < oldest ? { entries: [] } : { entries }),
  ],
  ["reactions are kept with their message", reading((query) => ({ ...query, withState: false }))],
  ["changes are entries of their own", reading((query) => ({ ...query, isNow: false }))],
  ["bytes are joined", reading((query) => ({ ...query, isNow: false }))],
  [
    "what a deleted message was made of",
    appending(({ change }) => change?.kind === "delete" ? { change: { ...change, kind: "edit" } } : {}),
  ],
  [
    "a change that cannot be made",
    appending(({ change }) => change === undefined ? {} : { change: { ...change, epoch: undefined } }),
  ],
  [
    "a change that cannot be made",
    appending(({ change }) => change === undefined ? {} : { change: { ...change, most: 1 << 20 } }),
  ],
  [
    "a change that is sent again lands once",
    appending(({ change }) => change === undefined ? {} : { producer: undefined }),
  ],
  ["a message lives as long as its own entry", appending(() => ({ retention: KEEP }))],
  ["who has seen nothing before", reading((query) => ({ ...query, since: undefined }))],
  [
    "changes are pushed as they are kept",
    listening((to) => ({ entry: (epoch, { change: _, ...entry }) => to.entry(epoch, entry) })),
  ],
  [
    "messages are the same when the broker goes down",
    reading((query) => ({ ...query, isNow: false })),
  ],
  ["ledger: a key is claimed once", ledger(() => ({ claim: () => ({ state: "new" }) }))],
  [
    "ledger: the same key with another body",
    ledger(({ claim }) => ({ claim: (key, _, ms) => claim(key, "one", ms) })),
  ],
  [
    "ledger: a key that was given back",
    ledger(({ settle }) => ({ forget: (key) => settle(key, new Uint8Array(1)) })),
  ],
  [
    "ledger: keys have nothing",
    ledger(({ claim, settle }) => ({
      claim: (_, hash, ms) => claim("one", hash, ms),
      settle: (_, reply) => settle("one", reply),
    })),
  ],
  [
    "ledger: replies of any size",
    ledger(({ settle }) => ({ settle: (key, reply) => settle(key, reply.slice(0, 1_000)) })),
  ],
  ["ledger: who fills it up", ledger(({ claim }) => ({ claim: (key, hash, ms) => claim(key, hash, ms) }))],
  [
    "ledger: who fills it up",
    ledger(({ claim }) => ({
      claim: (...asked) => {
        const claimed = claim(...asked);
        return (claimed as Claim).state === "gone" ? { state: "new" } : claimed;
      },
    })),
  ],
  ["ledger: a claim that is renewed", ledger(() => ({ renew: () => {} }))],
  [
    "ledger: a claim holds for its time",
    ledger(({ claim }) => ({ claim: (key, hash, ms) => claim(key, hash, ms * 2) })),
  ],
  ["ledger: a reply that comes when its claim is over", ledger(() => ({ renew: () => {} }))],
  ["ledger: a reply that comes when its claim is over", ledger(() => ({ forget: () => {} }))],
  ["ledger: a call that runs while everything is lost", ledger(() => ({ settle: () => {} }))],
];

/** Those that know names otherwise. */
const FORGETFUL: readonly (readonly [rule: string, broken: typeof MemoryBroker])[] = [
  [
    "what was published to is listed",
    directory(({ note }) => ({
      note: (_: string, name: string, how: Noted) => note("one", name, how),
    })),
  ],
  ["what was published to is listed", directory(() => ({ known: (_: string, names: string[]) => names }))],
  [
    "a list has all of many names",
    directory(({ list }) => ({
      list: (pattern: string) => ({ next: once(() => list(pattern).next()) }),
    })),
  ],
  ["who watches hears", directory(() => ({ unwatch: () => {} }))],
  [
    "who watches hears",
    directory(({ note }) => ({
      note: (pattern: string, name: string, how: Noted) => note(pattern, name, { ...how, isFirst: true }),
    })),
  ],
  [
    "a channel that was forgotten",
    directory(({ note }) => ({
      note: (pattern: string, name: string, how: Noted) => {
        note(pattern, name, { ...how, isFirst: true });
        note(pattern, name, { ...how, isFirst: true });
      },
    })),
  ],
  [
    "a channel is known for as long",
    directory(({ note }) => ({
      note: (pattern: string, name: string, how: Noted) => note(pattern, name, { ...how, ms: Infinity }),
    })),
  ],
  ["all nodes know the same names", directory(() => ({ list: () => ({ next: () => undefined }) }))],
  ["after a restart, who watches", directory(() => ({ list: () => ({ next: () => undefined }) }))],
];

type Noted = { ms: number; isFirst: boolean };

/** Gives what it is asked for once. */
function once<T>(give: () => T): () => T | undefined {
  let was = false;
  return () => {
    if (was) return undefined;
    was = true;
    return give();
  };
}

/** What breaks nothing, though it is made in the same ways. */
const WHOLE: Record<string, typeof MemoryBroker> = {
  appending: appending(() => ({})),
  appended: appended(() => ({})),
  reading: reading(as),
  listening: listening(() => ({})),
  ledger: ledger(() => ({})),
  directory: directory(() => ({})),
};

describe("the checks of a broker", () => {
  for (const [way, whole] of Object.entries(WHOLE)) {
    it(`find nothing wrong where nothing is changed: ${way}`, async () => {
      for (const { run } of brokerSuite(() => new MemoryFixture({}, whole), ["advance", "node"])) await run();
    });
  }

  for (const [rule, broken] of [...BROKEN, ...FORGETFUL]) {
    it(`find one that breaks the rule: ${rule}`, async () => {
      const check = brokerSuite(() => new MemoryFixture({}, broken), CAPABILITIES)
        .find(({ name }) => name.startsWith(rule));
      assert(check !== undefined, "there is no such check");
      await assertRejects(() => check.run());
    });
  }

  it("say what a fixture lacks, and run the rest", () => {
    const lacking = brokerSuite(() => new MemoryFixture(), []).filter(({ lacks }) => lacks.length > 0);
    assert(lacking.length > 0);
    assertEquals(new Set(lacking.flatMap(({ lacks }) => lacks)), new Set(CAPABILITIES));
  });
});
