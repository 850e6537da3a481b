/**
 * What holds for the names of channels.
 *
 * @module
 */
import type { Broker } from "../rpc/broker.ts";
import type { Directory, DirectoryWatcher } from "../rpc/directory.ts";
import {
  type AppendOptions,
  type BrokerRule,
  type BrokerWorld,
  bytesOf,
  holds,
  KEEP,
  same,
} from "./broker_kit.ts";

/** Milliseconds that a check waits for what must come. */
const PATIENCE = 10_000;

/** Notes the names that it hears. */
class Names implements DirectoryWatcher {
  readonly heard: string[] = [];
  doubts = 0;
  #look: () => void = () => {};

  appeared(name: string): void {
    this.heard.push(name);
    this.#look();
  }

  uncertain(): void {
    this.doubts++;
    this.#look();
  }

  /** Waits until it has heard a name, or, where that is enough, was told that it may have missed one. */
  async hears(name: string, mayDoubt = false): Promise<void> {
    const is = () => this.heard.includes(name) || (mayDoubt && this.doubts > 0);
    if (is()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`Waited in vain for ${name}`)), PATIENCE);
    this.#look = () => is() && resolve();
    await promise.finally(() => clearTimeout(timer));
  }
}

function directoryOf({ directory }: Broker): Directory {
  holds(directory !== undefined, "a broker has a directory, or no wildcards");
  return directory;
}

async function listed(broker: Broker, pattern: string): Promise<string[]> {
  const list = directoryOf(broker).list(pattern);
  const names = new Set<string>();
  for (let page = await list.next(); page !== undefined; page = await list.next()) {
    for (const name of page) names.add(name);
  }
  return [...names].sort();
}

async function publish(
  world: BrokerWorld,
  channel: string,
  pattern: string | undefined,
  { on = world.broker, producer, retention = KEEP }: AppendOptions = {},
): Promise<void> {
  const fingerprint = 1 + Math.floor(Math.random() * 0xffff_0000);
  await on.append(channel, { data: bytesOf("x"), room: 0, fingerprint, producer, retention, pattern });
}

/** The checks. */
export const directoryRules: readonly BrokerRule[] = [
  {
    name: "what was published to is listed under its pattern, once, and nothing else",
    async run(world) {
      const pattern = world.name(":id");
      const [a, b, c] = [world.name("a"), world.name("b {%} ü/c"), world.name("c")];
      await publish(world, a, pattern);
      await publish(world, a, pattern);
      await publish(world, b, pattern);
      await publish(world, c, world.name("other/:id"));
      await publish(world, world.name("d"), undefined);
      await world.read(world.name("e"));
      await world.listen(world.name("f"));
      same(await listed(world.broker, pattern), [a, b].sort(), "listed");
      same(await listed(world.broker, world.name("none/:id")), [], "of a pattern without channels");
      const known = await directoryOf(world.broker).known(pattern, [a, c, world.name("e"), b]);
      same([...known].sort(), [a, b].sort(), "known");
      same([...await directoryOf(world.broker).known(pattern, [])], [], "of no names");
    },
  },
  {
    name: "a list has all of many names, page by page",
    async run(world) {
      const pattern = world.name(":id");
      const names = Array.from({ length: 1_200 }, (_, i) => world.name(String(i).padStart(5, "0")));
      await Promise.all(names.map((name) => publish(world, name, pattern)));
      const list = directoryOf(world.broker).list(pattern);
      const first = await list.next();
      holds(first !== undefined && first.length < 600, "a page is a part");
      same(await listed(world.broker, pattern), names, "listed");
    },
  },
  {
    name: "who watches hears of what was not known, from then on",
    async run(world) {
      const pattern = world.name(":id");
      const [a, b, c] = [world.name("a"), world.name("b"), world.name("c")];
      const directory = directoryOf(world.broker);
      const [names, gone] = [new Names(), new Names()];
      await publish(world, a, pattern);
      await directory.watch(pattern, names);
      await directory.watch(pattern, names);
      await directory.watch(pattern, gone);
      await publish(world, a, pattern);
      await publish(world, world.name("other"), world.name("other/:id"));
      await publish(world, b, pattern, { producer: { id: "p", n: 1 } });
      await publish(world, b, pattern, { producer: { id: "p", n: 1 } });
      await names.hears(b);
      await gone.hears(b);
      directory.unwatch(pattern, gone);
      directory.unwatch(pattern, gone);
      await publish(world, c, pattern);
      await names.hears(c);
      same([names.heard, gone.heard, names.doubts], [[b, c], [b], 0], "heard");
    },
  },
  {
    name: "a channel that was forgotten, and is published to again, is told again",
    needs: ["evict"],
    async run(world) {
      const pattern = world.name(":id");
      const [a, b] = [world.name("a"), world.name("b")];
      const names = new Names();
      await publish(world, a, pattern);
      await directoryOf(world.broker).watch(pattern, names);
      await world.fixture.evict!(a);
      await publish(world, a, pattern);
      await names.hears(a);
      await publish(world, b, pattern);
      await names.hears(b);
      same(names.heard, [a, b], "heard");
    },
  },
  {
    name:
      "a channel is known for as long as its stream outlives the last publication, and not because somebody reads or listens",
    needs: ["advance"],
    async run(world) {
      const pattern = world.name(":id");
      const [a, b] = [world.name("a"), world.name("b")];
      const retention = { messages: 10, ms: 1_000, metaMs: 600_000 };
      await publish(world, a, pattern, { retention });
      await publish(world, b, pattern, { retention });
      await world.listen(a);
      await world.fixture.advance!(400_000);
      same(await listed(world.broker, pattern), [a, b], "after a part of it");
      await publish(world, b, pattern, { retention });
      await world.read(a);
      await world.fixture.advance!(400_000);
      same(await listed(world.broker, pattern), [b], "after all of it");
      same([...await directoryOf(world.broker).known(pattern, [a, b])], [b], "known");
      const names = new Names();
      await directoryOf(world.broker).watch(pattern, names);
      await publish(world, a, pattern, { retention });
      await names.hears(a);
    },
  },
  {
    name: "all nodes know the same names, and hear of new ones",
    needs: ["node"],
    async run(world) {
      const pattern = world.name(":id");
      const [a, b] = [world.name("a"), world.name("b")];
      const other = await world.fixture.node!();
      await publish(world, a, pattern);
      same(await listed(other, pattern), [a], "listed elsewhere");
      const names = new Names();
      await directoryOf(other).watch(pattern, names);
      await publish(world, b, pattern);
      await names.hears(b);
      same(await listed(other, pattern), [a, b], "listed there");
    },
  },
  {
    name: "after a restart, who watches hears again, or is told that it may have missed something",
    needs: ["restart"],
    async run(world) {
      const pattern = world.name(":id");
      const names = new Names();
      await directoryOf(world.broker).watch(pattern, names);
      await world.fixture.restart!();
      await directoryOf(world.broker).watch(pattern, names);
      await publish(world, world.name("a"), pattern);
      await names.hears(world.name("a"), true);
      same(await listed(world.broker, pattern), [world.name("a")], "listed");
    },
  },
];
