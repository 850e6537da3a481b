// Publications from end to end in a simulated world: none is held up by one that nobody waits for any more, and none lands twice in silence.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { channel, define } from "../mod.ts";
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
