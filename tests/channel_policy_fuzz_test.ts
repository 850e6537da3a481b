// Policies and filters under chance: whatever is published, cut, stalled and acknowledged when, every offset is covered once, and the newest comes.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const SEEDS = 80;
const STEPS = 70;
const POLICIES = [
  undefined,
  { latest: true },
  { latest: ["key"] },
  { sample: 10 },
  { sample: 10, by: ["key"] },
  "drop oldest",
];
const FILTERS = [undefined, { ok: true }, ["not", { key: 1 }]];

interface Message {
  readonly key: number;
  readonly ok: boolean;
}

/** Numbers from 0 to below n. */
function chance(seed: number): (n: number) => number {
  let state = seed >>> 0;
  const next = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  for (let i = 0; i < 5; i++) next(10);
  return next;
}

/** One client: what it wants, where it is, and what it had. */
class Reader {
  line!: Line;
  at: [string, number, number] | undefined;
  /** Where it began, or began again. */
  first = 0;
  seenTo = 0;
  gaps = 0;
  isStalled = false;
  /** The last offset that it had of each key. */
  readonly last = new Map<number, number>();
  readonly options: Record<string, unknown> = {};
  readonly #server: ChannelNode;
  readonly #messages: readonly Message[];
  readonly #peer: object;
  readonly #filter: unknown;
  #alias = 0;

  constructor(
    server: ChannelNode,
    messages: readonly Message[],
    { policy, filter, peer }: { policy: unknown; filter: unknown; peer: object },
  ) {
    this.#server = server;
    this.#messages = messages;
    this.#peer = peer;
    this.#filter = filter;
    if (policy !== undefined) this.options.policy = policy;
    if (filter !== undefined) this.options.filter = filter;
  }

  wants({ key, ok }: Message): boolean {
    return this.#filter === undefined || (this.#filter === FILTERS[1] ? ok : key !== 1);
  }

  async open(): Promise<void> {
    this.line = await this.#server.connect(this.#peer);
    this.#alias = 0;
    this.isStalled = false;
    this.line.subscribe(NAME, this.at ?? null, this.options);
  }

  take(): void {
    for (const message of this.line.take()) this.#took(message as never);
  }

  see(offset: number): void {
    if (this.#alias === 0 || offset <= this.seenTo) return;
    this.seenTo = offset;
    this.line.send([Kind.SEEN, this.#alias, offset]);
  }

  #took(message: [number, number, number, never, never, never, number]): void {
    const [kind, , offset, second, third, reason] = message;
    const wanted = (from: number, to: number) =>
      this.#messages.slice(from - 1, to).some((one) => this.wants(one));
    const next = (this.at?.[1] ?? 0) + 1;
    switch (kind) {
      case Kind.SUBSCRIBED:
        return this.#subscribed(offset, second, [third, reason, message[6]]);
      case Kind.PUBLICATION:
        assertEquals(offset, next, "a hole");
        assert(wanted(offset, offset), `${offset} does not pass its filter`);
        this.last.set(this.#messages[offset - 1]!.key, offset);
        return this.#move(offset, second);
      case Kind.SKIP:
        assert(offset >= next && !wanted(next, offset), `a skip from ${next} to ${offset}`);
        return this.#move(offset, second);
      case Kind.GAP:
        assertEquals(offset, next, "a gap begins elsewhere");
        assert(second >= offset && wanted(offset, second), `a gap of nothing to ${second}`);
        return this.#gap(second, third, reason);
    }
    throw new Error(`odd: ${JSON.stringify(message)}`);
  }

  #subscribed(alias: number, status: number, position: [string, number, number]): void {
    this.#alias = alias;
    if (status === 1) assertEquals(position, this.at, "recovered elsewhere");
    else this.first = position[1];
    this.at = position;
    this.seenTo = position[1];
  }

  #gap(to: number, fingerprint: number, reason: string): void {
    assert(this.options.policy !== undefined || reason === "too large", "a gap without a policy");
    this.gaps++;
    if (reason === "too large") this.last.set(this.#messages[to - 1]!.key, to);
    this.#move(to, fingerprint);
  }

  #move(offset: number, fingerprint: number): void {
    this.at = [this.at![0], offset, fingerprint];
  }
}

interface World {
  readonly server: ChannelNode;
  readonly messages: Message[];
  readonly readers: Reader[];
  readonly next: (n: number) => number;
  readonly keys: number;
  readonly isLarge: boolean;
}

async function makeWorld(seed: number): Promise<World & { readonly isSmall: boolean }> {
  const next = chance(seed);
  const server = new ChannelNode({ broker: new ScriptedBroker() });
  if (next(3) === 0) server.broker.keeps = 100 + next(200);
  const isSmall = next(3) === 0;
  const peer = isSmall ? { limits: { message: 1_024 + next(3_000), messages: 1 + next(40) } } : {};
  const [policy, filter] = [POLICIES[next(POLICIES.length)], FILTERS[next(FILTERS.length)]];
  const messages: Message[] = [];
  const readers = [0, 1, 2].map(() => {
    const own = { policy: POLICIES[next(POLICIES.length)], filter: FILTERS[next(FILTERS.length)] };
    const wants = { policy: next(3) > 0 ? policy : own.policy, filter: next(3) > 0 ? filter : own.filter };
    return new Reader(server, messages, { ...wants, peer });
  });
  const keys = [1, 3, 20, 400][next(4)]!;
  const isLarge = next(2) === 0;
  for (const reader of readers) await reader.open();
  await server.settle();
  for (const reader of readers) reader.take();
  return { server, messages, readers, next, keys, isLarge, isSmall };
}

async function step({ server, messages, readers, next, keys, isLarge }: World): Promise<void> {
  const reader = readers[next(3)]!;
  const deed = next(10);
  if (deed <= 3) {
    for (let i = 1 + next(next(4) === 0 ? 300 : 12); i > 0; i--) {
      const message = { key: next(keys), ok: next(3) > 0 };
      messages.push(message);
      const fill = new Uint8Array(isLarge ? next(next(5) === 0 ? 40_000 : 500) : 0);
      server.broker.add(NAME, encode({ ...message, fill }));
    }
  } else if (deed === 4 && !reader.line.isOver) {
    if (reader.isStalled) reader.line.pipe.resume();
    else reader.line.pipe.stall();
    reader.isStalled = !reader.isStalled;
  } else if (deed === 5 || deed === 9) {
    await server.clock.advance(deed === 5 ? next(250) : 1_000);
  } else if (deed === 6 || deed === 7) {
    reader.take();
    const { at, seenTo } = reader;
    if (at !== undefined) reader.see(deed === 7 ? at[1] : seenTo + next(at[1] - seenTo + 1));
  } else if (deed === 8 && next(4) === 0) {
    reader.take();
    reader.line.end();
  }
  await server.settle();
  for (const one of readers) {
    one.take();
    if (one.line.isOver) await one.open();
  }
}

/** All read, and acknowledge what they have, until nothing more comes. */
async function finish({ server, readers, messages }: World): Promise<void> {
  for (const reader of readers) if (reader.isStalled) reader.line.pipe.resume();
  const isDone = () => readers.every(({ at, line }) => !line.isOver && at?.[1] === messages.length);
  for (let i = 0; i < 400 && !isDone(); i++) {
    await server.settle();
    for (const reader of readers) {
      reader.take();
      if (reader.line.isOver) await reader.open();
      if (reader.at !== undefined) reader.see(reader.at[1]);
    }
    await server.clock.advance(50);
  }
  for (const reader of readers) reader.take();
}

async function run(seed: number): Promise<number> {
  const world = await makeWorld(seed);
  const { server, messages, readers, keys, isLarge, isSmall } = world;
  for (let i = 0; i < STEPS; i++) await step(world);
  await finish(world);
  for (const reader of readers) {
    assertEquals(reader.at?.[1] ?? 0, messages.length, "the top");
    const newest = new Map<number, number>();
    messages.forEach((one, i) => i >= reader.first && reader.wants(one) && newest.set(one.key, i + 1));
    const last = Math.max(0, ...newest.values());
    if (last > 0) assertEquals(Math.max(...reader.last.values()), last, "the newest");
    const policy = reader.options.policy as { latest?: unknown; by?: unknown } | undefined;
    const isByKey = policy === undefined || Array.isArray(policy.latest) || policy.by !== undefined;
    if (!isByKey || isSmall || (isLarge && keys === 400)) continue; // more than 1 MiB may be left out
    for (const [key, offset] of newest) assertEquals(reader.last.get(key), offset, `the newest of ${key}`);
  }
  assertEquals(server.errors, []);
  for (const { line } of readers) line.end();
  return readers.reduce((sum, { gaps }) => sum + gaps, 0);
}

describe("policies and filters under chance", () => {
  it(`cover every offset once, and give the newest, in ${SEEDS} seeds`, async () => {
    let gaps = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        gaps += await run(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
    assert(gaps > 1_000, `only ${gaps} gaps`);
  });
});
