/**
 * What holds for those who listen.
 *
 * @module
 */
import { type BrokerRule, bytesOf, Heard, holds, KEEP, refuses, same, textsOf } from "./broker_kit.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const offsets = (heard: Heard) => heard.entries.map(({ offset }) => offset);

/** The checks. */
export const pushRules: readonly BrokerRule[] = [
  {
    name: "who listens hears each publication once, in order, as it is kept",
    async run(world) {
      const channel = world.name();
      await world.append(channel, "before");
      const both = [await world.listen(channel), await world.listen(channel)];
      await world.fill(channel, 50);
      const page = await world.read(channel, { after: 1 });
      for (const heard of both) {
        await heard.until(() => heard.entries.length >= 50, "50 entries");
        const plain = heard.entries.map(({ room: _, ...entry }) => entry);
        same(plain, page.entries.map(({ room: _, ...entry }) => entry), "entries");
        same(new Set(heard.epochs), new Set([page.epoch]), "epochs");
        same([heard.signals, heard.doubts], [[], 0], "anything else");
      }
    },
  },
  {
    name: "a retry, and what is refused, is not pushed",
    async run(world) {
      const channel = world.name();
      const heard = await world.listen(channel);
      await world.append(channel, "a", { producer: { id: "p", n: 1 } });
      await world.append(channel, "a", { producer: { id: "p", n: 1 } });
      await refuses(
        "OUT_OF_ORDER",
        () => world.append(channel, "c", { producer: { id: "p", n: 3 } }),
        "a gap",
      );
      await world.append(channel, "b", { producer: { id: "p", n: 2 } });
      await heard.until(() => heard.texts.includes("b"), "b");
      same(heard.texts, ["a", "b"], "pushed");
    },
  },
  {
    name: "a channel is heard by those who listen to it",
    async run(world) {
      const [channel, other] = [world.name("a"), world.name("a/b")];
      const [heard, elsewhere] = [await world.listen(channel), await world.listen(other)];
      await world.append(channel, "a");
      await world.append(other, "b");
      await heard.until(() => heard.entries.length > 0, "a");
      await elsewhere.until(() => elsewhere.entries.length > 0, "b");
      same([heard.texts, elsewhere.texts], [["a"], ["b"]], "heard");
    },
  },
  {
    name: "who listens no more hears nothing; to listen twice is to listen once",
    async run(world) {
      const channel = world.name();
      const [gone, stays] = [await world.listen(channel), await world.listen(channel)];
      await world.broker.subscribe(channel, gone);
      await world.append(channel, "a");
      await gone.until(() => gone.entries.length > 0, "a");
      world.broker.unsubscribe(channel, gone);
      world.broker.unsubscribe(channel, gone);
      world.broker.unsubscribe(world.name("never heard of"), gone);
      await world.append(channel, "b");
      await world.broker.signal(channel, bytesOf("c"), undefined);
      await stays.until(() => stays.signals.length > 0 && stays.entries.length > 1, "b and c");
      same([gone.texts, gone.signals], [["a"], []], "heard by whom is gone");
      await world.listen(channel, world.broker, gone);
      await world.append(channel, "d");
      await gone.until(() => gone.texts.includes("d"), "d");
      same([gone.texts, stays.texts], [["a", "d"], ["a", "b", "d"]], "heard");
    },
  },
  {
    name: "between what is read and what is pushed nothing is missing",
    async run(world) {
      for (let round = 0; round < 50; round++) {
        const channel = world.name(`round ${round}`);
        const publisher = world.fill(channel, 12);
        for (let turn = 0; turn < round % 12; turn++) await Promise.resolve();
        const heard = await world.listen(channel);
        const page = await world.read(channel, { after: 0 });
        await publisher;
        await heard.until(() => page.top.offset === 12 || offsets(heard).includes(12), "the last");
        const pushed = offsets(heard).filter((offset) => offset > page.top.offset);
        same([...page.entries.map(({ offset }) => offset), ...pushed], upTo(12), "read and pushed");
      }
    },
  },
  {
    name: "a signal reaches all who listen, says whom it is from, and leaves no trace",
    async run(world) {
      const [channel, other] = [world.name(), world.name("other")];
      const before = await world.append(channel, "a");
      const all = [await world.listen(channel), await world.listen(channel)];
      const elsewhere = await world.listen(other);
      await world.broker.signal(channel, bytesOf("x"), "somebody");
      await world.broker.signal(channel, bytesOf(""), undefined);
      await world.broker.signal(world.name("nobody listens"), bytesOf("x"), undefined);
      await world.broker.signal(other, bytesOf("y"), undefined);
      for (const heard of all) {
        await heard.until(() => heard.signals.length >= 2, "both signals");
        const wanted = [{ text: "x", from: "somebody" }, { text: "", from: undefined }];
        same([heard.signals, heard.entries], [wanted, []], "heard");
      }
      await elsewhere.until(() => elsewhere.signals.length > 0, "its signal");
      same(elsewhere.signals, [{ text: "y", from: undefined }], "heard elsewhere");
      const page = await world.read(channel);
      const { epoch, ...top } = before.position;
      same([page.epoch, page.top, textsOf(page)], [epoch, top, ["a"]], "history");
    },
  },
  {
    name: "what a listener throws reaches neither the publisher nor other listeners",
    async run(world) {
      const channel = world.name();
      const broken = new Heard();
      broken.also = () => {
        throw new Error("thrown by a listener, as the check wants it");
      };
      await world.listen(channel, world.broker, broken);
      const heard = await world.listen(channel);
      same((await world.append(channel, "a")).position.offset, 1, "offset");
      same((await world.append(channel, "b")).position.offset, 2, "offset");
      await heard.until(() => heard.entries.length >= 2, "both");
      await broken.until(() => broken.entries.length >= 2, "both");
      same([heard.texts, broken.texts], [["a", "b"], ["a", "b"]], "heard");
    },
  },
  {
    name: "a listener may publish while it is told, and all hear all in one order",
    async run(world) {
      const channel = world.name();
      const replies: Promise<unknown>[] = [];
      const answering = new Heard();
      answering.also = ({ offset }) => {
        if (offset < 10) replies.push(world.append(channel, `after ${offset}`));
      };
      const all = [await world.listen(channel), await world.listen(channel, world.broker, answering)];
      all.push(await world.listen(channel));
      await world.append(channel, "first");
      for (const heard of all) await heard.until(() => heard.entries.length >= 10, "10 entries");
      await Promise.all(replies);
      for (const heard of all) same(offsets(heard), upTo(10), "order");
    },
  },
  {
    name: "a listener may leave, and let others leave, while it is told",
    async run(world) {
      const channel = world.name();
      const [leaving, thrown, late] = [new Heard(), new Heard(), new Heard()];
      leaving.also = () => {
        world.broker.unsubscribe(channel, leaving);
        world.broker.unsubscribe(channel, thrown);
        void world.broker.subscribe(channel, late);
      };
      await world.listen(channel, world.broker, leaving);
      await world.listen(channel, world.broker, thrown);
      const stays = await world.listen(channel);
      await world.append(channel, "a");
      await stays.until(() => stays.entries.length > 0, "a");
      same([leaving.texts, thrown.texts, stays.texts], [["a"], [], ["a"]], "heard");
      await world.broker.subscribe(channel, late);
      await world.append(channel, "b");
      for (const heard of [stays, late]) await heard.until(() => heard.texts.includes("b"), "b");
      same([leaving.texts, thrown.texts], [["a"], []], "heard by those who left");
    },
  },
  {
    name: "is of no use after it was closed",
    async run(world) {
      const channel = world.name();
      const heard = await world.listen(channel);
      await world.broker.close();
      await refuses("UNAVAILABLE", () => world.append(channel, "a"), "An append");
      await refuses("UNAVAILABLE", () => world.read(channel), "A read");
      world.broker.unsubscribe(channel, heard);
      same(heard.entries, [], "heard");
    },
  },
];

/** The checks of a broker that several nodes share. */
export const nodeRules: readonly BrokerRule[] = [
  {
    name: "nodes share one stream, one order and its producers",
    needs: ["node"],
    async run(world) {
      const channel = world.name();
      const other = await world.fixture.node!();
      const all = [await world.listen(channel), await world.listen(channel, other)];
      const publish = async (on: typeof other, id: string) => {
        for (const n of upTo(40)) await world.append(channel, `${id} ${n}`, { on, producer: { id, n } });
      };
      await Promise.all([publish(world.broker, "here"), publish(other, "there")]);
      const again = await world.append(channel, "again", { on: other, producer: { id: "here", n: 40 } });
      holds(again.duplicate, "A retry on another node lands once");
      for (const heard of all) await heard.until(() => heard.entries.length >= 80, "80 entries");
      const pages = [await world.read(channel), await world.read(channel, {}, other)];
      same(textsOf(pages[0]!), textsOf(pages[1]!), "history");
      for (const heard of all) same([heard.texts, offsets(heard)], [textsOf(pages[0]!), upTo(80)], "heard");
    },
  },
  {
    name: "signals cross nodes",
    needs: ["node"],
    async run(world) {
      const channel = world.name();
      const other = await world.fixture.node!();
      const heard = await world.listen(channel, other);
      await world.broker.signal(channel, bytesOf("x"), "somebody");
      await heard.until(() => heard.signals.length > 0, "the signal");
      same(heard.signals, [{ text: "x", from: "somebody" }], "heard");
    },
  },
  {
    name: "what was appended is read on another node",
    needs: ["node"],
    async run(world) {
      const channel = world.name();
      const other = await world.fixture.node!();
      const { position } = await world.append(channel, "a", { retention: { ...KEEP, messages: 1 } });
      const page = await world.read(channel, { after: 0 }, other);
      same([page.epoch, textsOf(page)], [position.epoch, ["a"]], "page");
    },
  },
];
