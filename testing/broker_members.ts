/**
 * What holds for the members of channels, where a broker keeps them.
 *
 * @module
 */
import type { Broker } from "../rpc/broker.ts";
import type {
  MemberNews,
  MemberNode,
  PresenceAnswer,
  PresenceListener,
  PresencePush,
  PresenceStore,
} from "../rpc/presence_store.ts";
import { type BrokerRule, type BrokerWorld, bytesOf, holds, same, textOf } from "./broker_kit.ts";

const ONE: MemberNode = { id: "one", lease: 60_000 };
const TWO: MemberNode = { id: "two", lease: 60_000 };
const MOST = 1_000;
/** Milliseconds that a check waits for what must come. */
const PATIENCE = 10_000;

/** Notes who is there as it is told. */
class Told implements PresenceListener {
  readonly pushes: PresencePush[] = [];
  doubts = 0;
  #look: () => void = () => {};

  changed(push: PresencePush): void {
    this.pushes.push(push);
    this.#look();
  }

  uncertain(): void {
    this.doubts++;
  }

  /** `+id text` and `-id`, in order. */
  get texts(): string[] {
    return this.pushes.flatMap(({ changes }) =>
      changes.map(({ id, member }) => member === undefined ? `-${id}` : `+${id} ${textOf(member.data)}`)
    );
  }

  async until(count: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`Waited in vain for ${count} changes`)), PATIENCE);
    this.#look = () => this.texts.length >= count && resolve();
    this.#look();
    await promise.finally(() => clearTimeout(timer));
  }
}

function storeOf({ presence }: Broker): PresenceStore {
  holds(presence !== undefined, "It keeps no members");
  return presence;
}

function is(id: string, text: string, n = 1, user?: string): MemberNews {
  return { id, n, member: { user, data: bytesOf(text) } };
}

function left(id: string, n = 1): MemberNews {
  return { id, n, member: undefined };
}

async function change(
  world: BrokerWorld,
  channel: string,
  node: MemberNode,
  news: readonly MemberNews[],
  most = MOST,
): Promise<PresenceAnswer> {
  return await storeOf(world.broker).change(channel, node, { news, most });
}

async function there(world: BrokerWorld, channel: string, limit = 100): Promise<string[]> {
  const store = storeOf(world.broker);
  const all: string[] = [];
  for (let after = "", more = true; more;) {
    const page = await store.read(channel, { after, limit });
    all.push(...page.members.map(({ id, user, data }) => `${id} ${user ?? "-"} ${textOf(data)}`));
    after = page.members.at(-1)?.id ?? "";
    more = page.more;
    holds(page.members.length <= limit, "a page is no larger than it was asked for");
    if (!more) same(page.count, all.length, "the count");
  }
  return all;
}

/** The checks. */
export const memberRules: readonly BrokerRule[] = [
  {
    name: "members are read as they were told, in pages of any size, in the order of their names",
    async run(world) {
      const channel = world.name();
      same(await there(world, channel), [], "nobody");
      const news = ["c", "a", "e", "b", "d"].map((id) =>
        is(id, `data of ${id}`, 1, id === "a" ? "Ada & co" : undefined)
      );
      await change(world, channel, ONE, news);
      const all = ["a Ada & co data of a", ...["b", "c", "d", "e"].map((id) => `${id} - data of ${id}`)];
      for (const limit of [1, 2, 3, 5, 100]) {
        same(await there(world, channel, limit), all, `pages of ${limit}`);
      }
      same(await there(world, world.name("other")), [], "another channel");
    },
  },
  {
    name: "each change of members is pushed once, with the next version; what changes nothing is not",
    async run(world) {
      const channel = world.name();
      const told = new Told();
      const store = storeOf(world.broker);
      const { version } = await store.read(channel, { after: "", limit: 1 });
      await store.subscribe(channel, told);
      await change(world, channel, ONE, [is("a", "1"), is("b", "1")]);
      await change(world, channel, ONE, [is("a", "1"), is("b", "2", 2), left("nobody")]);
      await change(world, channel, ONE, [left("a", 2)]);
      await told.until(4);
      same(told.texts, ["+a 1", "+b 1", "+b 2", "-a"], "pushed");
      let next = version + 1;
      for (const { first, changes } of told.pushes) {
        same(first, next, "the version of the first of them");
        next += changes.length;
      }
      const page = await store.read(channel, { after: "", limit: 9 });
      same([page.version, page.count], [next - 1, 1], "the version, and how many are there");
      same(new Set(told.pushes.map(({ epoch }) => epoch)), new Set([page.epoch]), "the epoch");
      store.unsubscribe(channel, told);
      await change(world, channel, ONE, [is("c", "1")]);
      same(told.texts.length, 4, "pushed to who listens no more");
    },
  },
  {
    name:
      "what a member told before takes nothing back, and it leaves by the node that has it, or by its own later word",
    async run(world) {
      const channel = world.name();
      await change(world, channel, ONE, [is("a", "old", 1)]);
      await change(world, channel, TWO, [is("a", "new", 3)]);
      await change(world, channel, ONE, [is("a", "older", 2)]);
      await change(world, channel, ONE, [left("a", 3)]);
      same(await there(world, channel), ["a - new"], "who has moved on");
      await change(world, channel, TWO, [left("a", 2)]);
      same(await there(world, channel), ["a - new"], "a word that is late");
      await change(world, channel, TWO, [left("a", 4)]);
      same(await there(world, channel), [], "who has left");
      await change(world, channel, ONE, [is("a", "again", 5)]);
      await change(world, channel, TWO, [left("a", 6)]);
      same(await there(world, channel), [], "who has left by another node");
    },
  },
  {
    name: "who comes by another node with what it told before is no news",
    async run(world) {
      const channel = world.name();
      const told = new Told();
      await storeOf(world.broker).subscribe(channel, told);
      await change(world, channel, ONE, [is("a", "x", 1)]);
      await change(world, channel, TWO, [is("a", "x", 1)]);
      await change(world, channel, TWO, [is("b", "y", 1)]);
      await told.until(2);
      same(told.texts, ["+a x", "+b y"], "pushed");
    },
  },
  {
    name: "no more members are let in than may be, and those who are may tell something else",
    async run(world) {
      const channel = world.name();
      const { refused } = await change(world, channel, ONE, [is("a", "1"), is("b", "1"), is("c", "1")], 2);
      same(refused, ["c"], "refused");
      same(
        (await change(world, channel, ONE, [is("b", "2", 2)], 2)).refused,
        [],
        "refused of those that are in",
      );
      same(await there(world, channel), ["a - 1", "b - 2"], "there");
    },
  },
  {
    name: "members of a node that does not renew its lease are gone, for whoever looks; others stay",
    async run(world) {
      const channel = world.name();
      const told = new Told();
      const store = storeOf(world.broker);
      await store.subscribe(channel, told);
      same(
        (await change(world, channel, { id: "short", lease: 1 }, [is("a", "1"), is("b", "1")])).isKnown,
        false,
        "known",
      );
      await change(world, channel, ONE, [is("c", "1")]);
      const timer = Promise.withResolvers<void>();
      setTimeout(timer.resolve, 20);
      await world.fixture.advance?.(20);
      await timer.promise;
      same(
        (await store.look(channel, { id: "short", lease: 1 }, undefined)).isKnown,
        false,
        "whether it holds",
      );
      same((await store.look(channel, ONE, undefined)).isKnown, true, "whether that of another holds");
      same(await there(world, channel), ["c - 1"], "there");
      await told.until(5);
      same(told.texts.filter((text) => text.startsWith("-")).sort(), ["-a", "-b"], "pushed");
    },
  },
  {
    name: "a channel that has lost its latest changes begins another life",
    async run(world) {
      const channel = world.name();
      const store = storeOf(world.broker);
      await change(world, channel, ONE, [is("a", "1")]);
      const { epoch, version } = await store.look(channel, undefined, undefined);
      const same1 = await store.look(channel, undefined, { epoch, version });
      same([same1.epoch, same1.version], [epoch, version], "where it is");
      const other = await store.look(channel, undefined, { epoch, version: version + 1 });
      holds(other.epoch !== epoch, "the epoch is another one");
      same(await there(world, channel), ["a - 1"], "there");
    },
  },
  {
    name: "nodes see the same members, and hear of each other's",
    needs: ["node"],
    async run(world) {
      const channel = world.name();
      const other = storeOf(await world.fixture.node!());
      const told = new Told();
      await other.subscribe(channel, told);
      await change(world, channel, ONE, [is("a", "1", 1, "Ada")]);
      await told.until(1);
      same(told.texts, ["+a 1"], "pushed");
      const { members } = await other.read(channel, { after: "", limit: 9 });
      same(members.map(({ id, user }) => [id, user]), [["a", "Ada"]], "read");
    },
  },
];
