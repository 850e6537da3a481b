// Publications from end to end in a simulated world: none is held up by one that nobody waits for any more, and none lands twice in silence.
import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, define, procedure } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

const { millrace } = define<object>().with({ channels: { "news": channel({ message: z.string() }) } });

/** What became of a publication: its offset, or its code, and when. */
interface Fate {
  is: unknown;
  at: number;
}

/** Writes down what becomes of publications, by name. */
class Fates {
  readonly all: Record<string, Fate> = {};
  readonly #now: () => number;

  constructor(world: { now(): number }) {
    this.#now = () => world.now();
  }

  follow(name: string, published: Promise<{ readonly offset: number }>): void {
    const fate = this.all[name] = { is: "pending" as unknown, at: Infinity };
    const settle = (is: unknown) => void Object.assign(fate, { is, at: this.#now() });
    published.then(
      ({ offset }) => settle(offset),
      ({ code, ambiguous }) => settle(ambiguous ? `${code}, ambiguous` : code),
    );
  }

  get is(): unknown[] {
    return Object.values(this.all).map(({ is }) => is);
  }
}

describe("a publication behind one that does not come", () => {
  for (const callTimeout of [60_000, 0]) {
    it(`since it was given up before it was sent, lands at once; callTimeout ${callTimeout}`, async () => {
      await using world = simulate(millrace({ limits: { callTimeout }, procedures: {} }));
      const news = world.connect().channel("news");
      const stop = new AbortController();
      const fates = new Fates(world);
      fates.follow("1", news.publish("1"));
      fates.follow("2", news.publish("2", { signal: stop.signal }));
      fates.follow("3", news.publish("3"));
      stop.abort();
      await world.run(5_000);
      assertEquals(fates.is, [1, "CANCELLED", 2]);
    });

    it(`since no frame holds it, lands at once; callTimeout ${callTimeout}`, async () => {
      await using world = simulate(millrace({ limits: { callTimeout }, procedures: {} }));
      const news = world.connect().channel("news");
      await world.wait(news.publish("0"));
      const fates = new Fates(world);
      for (const [name, text] of [["1", "1"], ["2", "x".repeat(1_200_000)], ["3", "3"], ["4", "4"]]) {
        fates.follow(name!, news.publish(text!));
      }
      await world.run(1_000);
      assertEquals(fates.is, [2, "TOO_LARGE", 3, 4]);
    });
  }
});

describe("a publication behind one whose check never ends", () => {
  const { millrace } = define<object>().with({
    channels: {
      "news": channel({
        message: z.string(),
        publish: (message) => message === "hang" ? new Promise<never>(() => {}) : message,
      }),
    },
  });

  for (const callTimeout of [60_000, 0]) {
    it(`lands as soon as that is given up; callTimeout ${callTimeout}`, async () => {
      await using world = simulate(millrace({ limits: { callTimeout }, procedures: {} }));
      const client = world.connect();
      const news = client.channel("news");
      await world.wait(news.publish("0"));
      const fates = new Fates(world);
      const begin = world.now();
      fates.follow("hang", news.publish("hang", { timeout: 1_000 }));
      fates.follow("one", news.publish("1"));
      fates.follow("two", news.publish("2"));
      await world.run(1_900);
      assertEquals(fates.is, ["DEADLINE, ambiguous", 2, 3]);
      assertLess(fates.all["two"]!.at - begin, 1_500);
      fates.follow("again", news.publish("hang", { timeout: 1_000 }));
      await world.run(1_500);
      fates.follow("three", news.publish("3"));
      await world.run(500);
      assertEquals(fates.is.slice(3), ["DEADLINE, ambiguous", 4]);
    });
  }
});

describe("a publication whose answer is lost", () => {
  for (const minutes of [1, 6, 8, 11, 15]) {
    it(`lands once in an outage of ${minutes} minutes, or its publisher is told that it is not known`, async () => {
      await using world = simulate(millrace({ procedures: {} }));
      const [client, other] = [world.connect(), world.connect()];
      const got: unknown[] = [];
      other.channel("news").subscribe((event) =>
        void got.push(event.type === "message" ? event.data : event)
      );
      await world.wait(Promise.all([client.ready(), other.ready()]));
      const news = client.channel("news");
      await world.wait(news.publish("first"));
      const fates = new Fates(world);
      world.stall(client, "down", 5_000);
      fates.follow("once", news.publish("once"));
      await world.run(200);
      assertEquals(got, ["first", "once"], "it has landed");
      world.cut(client);
      world.refuse(minutes * 60_000);
      await world.run((minutes + 2) * 60_000);
      assertEquals(got, ["first", "once"]);
      assertEquals(fates.is, [minutes < 7 ? 2 : "UNAVAILABLE, ambiguous"]);
      await world.wait(news.publish("next"));
      await world.run(1_000);
      assertEquals(got, ["first", "once", "next"]);
    });
  }
});

describe("publications to many channels", () => {
  for (const calls of [256, 8, 1]) {
    it(`leave room for calls, and each channel has its turn, of ${calls} calls at once`, async () => {
      const { millrace } = define<object>().with({
        channels: { "room/:id": channel({ message: z.number() }) },
      });
      const app = millrace({ limits: { calls }, procedures: { hi: procedure(() => "hi") } });
      await using world = simulate(app);
      const client = world.connect();
      await world.wait(client.ready());
      const room = (id: number) => client.channel("room/:id", { id: `${id}` });
      await world.wait(room(0).publish(0));
      const last: number[] = [];
      const all = [];
      for (let id = 0; id < 5; id++) {
        for (let i = 0; i < 100; i++) {
          const published = room(id).publish(i);
          all.push(published);
          if (i === 20) void published.then(() => last.push(id));
        }
      }
      if (calls > 1) assertEquals(await world.wait(client.call.hi()), "hi");
      await world.wait(Promise.all(all), 600_000);
      if (calls < 256) assertEquals(last, [0, 1, 2, 3, 4]);
      const offsets = await world.wait(Promise.all([0, 1, 2, 3, 4].map((id) => room(id).publish(9))));
      assertEquals(offsets.map(({ offset }) => offset), [102, 101, 101, 101, 101]);
    });
  }
});
