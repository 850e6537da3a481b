// Publishing from a client: numbers, retries, order, bounds; and history and signals.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ConnectOptions, HasContract } from "../client/mod.ts";
import { decode, encode } from "../msgpack/mod.ts";
import { at, ChannelClient, FRESH, SIGNAL, subscribed, wired } from "./suites/channel_client.ts";
import { failure, told } from "./suites/check.ts";
import { payload } from "./suites/wire.ts";

const CALL = 16;
const CANCEL = 20;
const GOODBYE = 5;
const RETRYABLE = 1;
const AMBIGUOUS = 2;

/** A publish as the server sees it. */
interface Asked {
  readonly id: number;
  readonly channel: string;
  readonly n: number;
  readonly message: unknown;
  readonly low: number | undefined;
  /** How long ago it was sent first; `undefined` where this is the first sending. */
  readonly age: number | undefined;
}

class PublishClient extends ChannelClient {
  #seq = 0;

  static override async connected(options: ConnectOptions<HasContract> = {}): Promise<PublishClient> {
    const fake = new PublishClient({ randomBytes: (length) => new Uint8Array(length).fill(7), ...options });
    await fake.clock.settle();
    fake.socket.accept();
    await fake.clock.settle();
    return fake;
  }

  override async reconnect(): ReturnType<ChannelClient["reconnect"]> {
    this.#seq = 0;
    return await super.reconnect();
  }

  async published(): Promise<Asked[]> {
    await this.clock.settle();
    return this.socket.take(CALL).map(([, , id, method, , input]) => {
      const [channel, n, data, options] = input as [string, number, Uint8Array, unknown];
      assert(method === "@publish" || method === 1, String(method));
      const { low, age } = typeof options === "object"
        ? options as Partial<Asked>
        : { low: options as number };
      return { id: id as number, channel, n, message: decode(data), low, age };
    });
  }

  async answer(id: number, offset: number): Promise<void> {
    await this.server([17, ++this.#seq, id, payload([...wired(at(offset)), "memory"])]);
  }

  async refuse(id: number, code: string, flags = 0): Promise<void> {
    await this.server([18, ++this.#seq, id, code, flags, payload({ message: code })]);
  }

  async result(id: number, value: unknown): Promise<void> {
    await this.server([17, ++this.#seq, id, payload(value)]);
  }
}

/** What a promise came to, in short. */
function outcome(promise: Promise<{ readonly offset: number }>): { is: unknown } {
  const found: { is: unknown } = { is: "pending" };
  promise.then(
    ({ offset }) => found.is = offset,
    (error: { code?: string; ambiguous?: boolean }) =>
      found.is = `${error.code ?? error}${error.ambiguous ? ", ambiguous" : ""}`,
  );
  return found;
}

const ns = (asked: readonly Asked[]) => asked.map(({ n }) => n);

describe("publishing", () => {
  it("names the channel, numbers each, and says what is not answered yet", async () => {
    const fake = await PublishClient.connected();
    const [hello] = fake.network.last.take(0);
    assertEquals((hello![4] as { producer: Uint8Array }).producer, new Uint8Array(16).fill(7));
    const board = fake.channel();
    const [one, two] = [outcome(board.publish({ x: 1 })), outcome(board.publish("two"))];
    const other = outcome(fake.channel("news", {}).publish(null));
    const asked = await fake.published();
    assertEquals(asked.map(({ channel, n, message, low }) => [channel, n, message, low]), [
      ["board/7", 1, { x: 1 }, undefined],
      ["board/7", 2, "two", 1],
      ["news", 1, null, undefined],
    ]);
    await fake.answer(asked[1]!.id, 5);
    assertEquals([one.is, two.is, other.is], ["pending", 5, "pending"]);
    await fake.answer(asked[0]!.id, 4);
    await fake.answer(asked[2]!.id, 9);
    assertEquals([one.is, two.is, other.is], [4, 5, 9]);
    await fake.close();
  });

  it("resolves with the position and what it is worth", async () => {
    const fake = await PublishClient.connected();
    const published = fake.channel().publish(1);
    const [{ id }] = await fake.published() as [Asked];
    await fake.answer(id, 4);
    assertEquals(await published, { ...at(4), durability: "memory" });
    await fake.close();
  });

  it("takes the message as it is now, and refuses what cannot be encoded", async () => {
    const fake = await PublishClient.connected();
    const message = { x: 1 };
    void fake.channel().publish(message).catch(() => {});
    message.x = 2;
    await assertRejects(() => fake.channel().publish(() => {}), TypeError, "Cannot encode");
    assertEquals((await fake.published()).map(({ n, message }) => [n, message]), [[1, { x: 1 }]]);
    await fake.close();
  });

  it("waits for a connection, in order", async () => {
    const fake = new PublishClient();
    const board = fake.channel();
    const all = [1, 2, 3].map((message) => outcome(board.publish(message)));
    await fake.clock.settle();
    fake.socket.accept();
    const asked = await fake.published();
    assertEquals(ns(asked), [1, 2, 3]);
    for (const { id, n } of asked) await fake.answer(id, n);
    assertEquals(all.map(({ is }) => is), [1, 2, 3]);
    await fake.close();
  });

  it("has 64 without an answer at most, and the next is sent when the first is answered", async () => {
    const fake = await PublishClient.connected();
    for (let i = 0; i < 70; i++) void fake.channel().publish(i).catch(() => {});
    const asked = await fake.published();
    assertEquals(ns(asked), Array.from({ length: 64 }, (_, i) => i + 1));
    assert(asked.every(({ low }, i) => low === (i === 0 ? undefined : 1)));
    await fake.answer(asked[1]!.id, 2);
    assertEquals(await fake.published().then(ns), [65]);
    await fake.answer(asked[0]!.id, 1);
    assertEquals((await fake.published()).map(({ n, low }) => [n, low]), [[66, 3]]);
    await fake.close();
  });
});

describe("publications of several channels", () => {
  it("take half of the calls of the server, in turn", async () => {
    const fake = new PublishClient();
    await fake.clock.settle();
    fake.socket.accept({ limits: { calls: 5 } });
    const sent: string[] = [];
    const answer = async () => {
      const asked = await fake.published();
      sent.push(asked.map(({ message }) => message).join(" "));
      for (const { id, n } of asked) {
        await fake.answer(id, n);
        sent.push(...(await fake.published()).map((one) => {
          asked.push(one);
          return String(one.message);
        }));
      }
    };
    for (const id of ["a", "b", "c"]) {
      for (let i = 1; i <= 3; i++) {
        void fake.channel("board/:id", { id }).publish(`${id}${i}`).catch(() => {});
      }
    }
    await answer();
    assertEquals(sent, ["a1 a2", "a3", "b1", "c1", "b2", "c2", "b3", "c3"]);
    await fake.close();
  });

  it("give way when one cannot be sent now", async () => {
    const fake = new PublishClient();
    await fake.clock.settle();
    fake.socket.accept({ limits: { calls: 2 } });
    const [a, b] = ["a", "b"].map((id) => outcome(fake.channel("board/:id", { id }).publish(id)));
    const [first] = await fake.published();
    await fake.refuse(first!.id, "UNAVAILABLE", RETRYABLE);
    const [second, ...none] = await fake.published();
    assertEquals([second!.message, none], ["b", []]);
    await fake.clock.advance(100);
    assertEquals(await fake.published(), [], "the one that was refused waits for its turn, too");
    await fake.answer(second!.id, 1);
    const [again] = await fake.published();
    await fake.answer(again!.id, 1);
    assertEquals([a!.is, b!.is], [1, 1]);
    await fake.close();
  });
});

describe("a publication that fails", () => {
  it("is sent again with the same number on a new connection, even if the session is lost", async () => {
    const fake = await PublishClient.connected();
    const all = [1, 2, 3].map((message) => outcome(fake.channel().publish(message)));
    const asked = await fake.published();
    await fake.answer(asked[0]!.id, 1);
    await fake.reconnect();
    const again = await fake.published();
    assertEquals(again.map(({ n, message, low }) => [n, message, low]), [[2, 2, undefined], [3, 3, 2]]);
    for (const { id, n } of again) await fake.answer(id, n);
    assertEquals(all.map(({ is }) => is), [1, 2, 3]);
    await fake.close();
  });

  it("is sent again when the server asks for that, lowest first, and later each time", async () => {
    const fake = await PublishClient.connected();
    const all = [1, 2].map((message) => outcome(fake.channel().publish(message)));
    for (const wait of [50, 100, 200]) {
      const asked = await fake.published();
      assertEquals(ns(asked), [1, 2]);
      await fake.refuse(asked[0]!.id, "UNAVAILABLE", RETRYABLE | AMBIGUOUS);
      await fake.refuse(asked[1]!.id, "UNAVAILABLE", RETRYABLE); // out of order: the first did not land
      await fake.clock.advance(wait - 1);
      assertEquals(await fake.published(), []);
      await fake.clock.advance(1);
    }
    const asked = await fake.published();
    for (const { id, n } of asked) await fake.answer(id, n);
    assertEquals(all.map(({ is }) => is), [1, 2]);
    void fake.channel().publish(3).catch(() => {});
    const [{ id }] = await fake.published() as [Asked];
    await fake.refuse(id, "RESOURCE_EXHAUSTED", RETRYABLE);
    await fake.clock.advance(50);
    assertEquals(await fake.published().then(ns), [3]);
    await fake.close();
  });

  it("for good rejects, its number is used up, and those after it say that nothing before them comes any more", async () => {
    const fake = await PublishClient.connected();
    const all = [1, 2].map((message) => outcome(fake.channel().publish(message)));
    const asked = await fake.published();
    await fake.refuse(asked[0]!.id, "BAD_INPUT");
    await fake.refuse(asked[1]!.id, "UNAVAILABLE", RETRYABLE);
    await fake.clock.advance(50);
    const again = await fake.published();
    assertEquals(again.map(({ n, low }) => [n, low]), [[2, undefined]]);
    await fake.answer(again[0]!.id, 1);
    assertEquals(all.map(({ is }) => is), ["BAD_INPUT", 1]);
    await fake.close();
  });

  it("for good, after an attempt of which nothing is known, is ambiguous", async () => {
    const fake = await PublishClient.connected();
    const one = outcome(fake.channel().publish(1));
    await fake.published();
    await fake.reconnect();
    const [{ id }] = await fake.published() as [Asked];
    await fake.refuse(id, "NOT_FOUND");
    assertEquals(one.is, "NOT_FOUND, ambiguous");
    await fake.close();
  });

  it("because its connection was refused is sent again on the next, with another token", async () => {
    const fake = await PublishClient.connected({ token: () => "token" });
    const one = outcome(fake.channel().publish(1));
    await fake.published();
    await fake.drop(4401, "expired");
    await fake.clock.settle();
    fake.socket.accept();
    const [{ id, n }] = await fake.published() as [Asked];
    await fake.result(id, [...wired(at(1)), "memory"]);
    assertEquals([n, one.is], [1, 1]);
    const two = outcome(fake.channel().publish(2));
    await fake.published();
    await fake.drop(4403, "forbidden");
    assertEquals([two.is, fake.status], ["FORBIDDEN, ambiguous", "closed"]);
    await fake.close();
  });

  it("because so old a number is forgotten is ambiguous, and not sent again", async () => {
    const fake = await PublishClient.connected();
    const one = outcome(fake.channel().publish(1));
    const [{ id }] = await fake.published() as [Asked];
    await fake.refuse(id, "UNAVAILABLE", AMBIGUOUS);
    assertEquals(one.is, "UNAVAILABLE, ambiguous");
    await fake.close();
  });

  it("with a key of its own has no number, and keeps none waiting", async () => {
    const fake = await PublishClient.connected();
    const keyed = outcome(fake.channel().publish("k", { key: "order 7" }));
    const one = outcome(fake.channel().publish(1));
    await fake.clock.settle();
    const sent = fake.socket.take(CALL).map(([, , , , , input]) => input as unknown[]);
    assertEquals(sent, [["board/7", 0, encode("k"), { key: "order 7" }], ["board/7", 1, encode(1)]]);
    await fake.answer(2, 1);
    await fake.answer(1, 2);
    assertEquals([keyed.is, one.is], [2, 1]);
    await fake.close();
  });

  it("of no value is empty", async () => {
    const fake = await PublishClient.connected();
    void fake.channel().publish(undefined).catch(() => {});
    await fake.clock.settle();
    assertEquals((fake.socket.take(CALL)[0]![5] as unknown[])[2], new Uint8Array(0));
    await fake.close();
  });

  it("is given up after its timeout: ambiguous only if it was sent", async () => {
    const fake = await PublishClient.connected();
    const sent = outcome(fake.channel().publish(1, { timeout: 1_000 }));
    await fake.published();
    await fake.drop();
    const unsent = outcome(fake.channel().publish(2, { timeout: 1_000 }));
    const later = outcome(fake.channel().publish(3));
    await fake.clock.advance(1_000);
    assertEquals([sent.is, unsent.is, later.is], ["DEADLINE, ambiguous", "DEADLINE", "pending"]);
    (await fake.retry()).accept();
    const asked = await fake.published();
    assertEquals(asked.map(({ n, low }) => [n, low]), [[2, undefined]], "what was never sent took no number");
    await fake.close();
    assertEquals(later.is, "CLOSED, ambiguous");
  });

  it("does not wait on a new connection for one that was answered on the last", async () => {
    const fake = await PublishClient.connected();
    const one = outcome(fake.channel().publish(1));
    const [first] = await fake.published();
    await fake.server([GOODBYE, 1012, null, payload({})]);
    const two = outcome(fake.channel().publish(2)); // it leaves by the next connection, as it was made
    await fake.answer(first!.id, 1);
    await fake.reconnect();
    const asked = await fake.published();
    assertEquals(asked.map(({ n, message }) => [n, message]), [[2, 2], [2, 2]]);
    assertEquals(
      asked.map(({ low }) => low).toSorted(),
      [1, undefined],
      "the server learns that nothing is before it",
    );
    for (const { id } of asked) await fake.answer(id, 2);
    assertEquals([one.is, two.is], [1, 2]);
    await fake.close();
  });

  it("says how long ago it was sent first, as far as it may have landed", async () => {
    const fake = await PublishClient.connected();
    const begin = fake.clock.now();
    const all = [1, 2].map((message) => outcome(fake.channel().publish(message)));
    const keyed = outcome(fake.channel().publish("k", { key: "order 7" }));
    const sent = async () => {
      await fake.clock.settle();
      return fake.socket.take(CALL).map(([, , , , , input]) => (input as unknown[])[3]);
    };
    const asked = await fake.published();
    assertEquals(asked.map(({ age }) => age), [undefined, undefined, undefined]);
    await fake.clock.advance(5_000);
    await fake.refuse(asked[0]!.id, "UNAVAILABLE", RETRYABLE | AMBIGUOUS);
    await fake.refuse(asked[1]!.id, "OUT_OF_ORDER", RETRYABLE);
    await fake.refuse(asked[2]!.id, "UNAVAILABLE", RETRYABLE | AMBIGUOUS);
    await fake.clock.advance(50);
    assertEquals(await sent(), [{ age: 5_050 }, 1, { key: "order 7", age: 5_050 }]);
    await fake.reconnect();
    const age = fake.clock.now() - begin;
    assertEquals(await sent(), [{ age }, { low: 1, age: age - 5_050 }, { key: "order 7", age }]);
    await fake.close();
    assertEquals([...all, keyed].map(({ is }) => is), Array(3).fill("CLOSED, ambiguous"));
  });

  it("is not sent again when so much time has passed that it might land twice: it is ambiguous", async () => {
    const fake = await PublishClient.connected();
    const sent = [
      outcome(fake.channel().publish(1)),
      outcome(fake.channel().publish("k", { key: "order 7" })),
    ];
    await fake.published();
    await fake.drop();
    const unsent = outcome(fake.channel().publish(2));
    await fake.clock.advance(420_001);
    (await fake.retry()).accept();
    const asked = await fake.published();
    assertEquals(asked.map(({ n, low, age }) => [n, low, age]), [[2, undefined, undefined]]);
    assertEquals([...sent, unsent].map(({ is }) => is), [
      "UNAVAILABLE, ambiguous",
      "UNAVAILABLE, ambiguous",
      "pending",
    ]);
    await fake.close();
  });

  it("is as old as it is, though the machine slept and its clock stood still", async () => {
    let slept = 0;
    const fake = await PublishClient.connected();
    Object.assign(fake.clock, { date: () => 1_000_000 + fake.clock.now() + slept });
    const one = outcome(fake.channel().publish(1));
    await fake.published();
    slept = 400_000;
    await fake.reconnect();
    const [again] = await fake.published();
    assert(again!.age! >= 400_000 && again!.age! < 420_000, `${again!.age} ms`);
    slept = 3_600_000;
    await fake.reconnect();
    assertEquals([await fake.published(), one.is], [[], "UNAVAILABLE, ambiguous"]);
    await fake.close();
  });

  it("is given up: the server is told, and those behind it do not wait for it", async () => {
    const fake = await PublishClient.connected();
    const stop = [new AbortController(), new AbortController()] as const;
    const all = [undefined, stop[0].signal, undefined, stop[1].signal, undefined].map((signal, i) =>
      outcome(fake.channel().publish(i + 1, { signal }))
    );
    const asked = await fake.published();
    assertEquals(ns(asked), [1, 2, 3, 4, 5]);
    stop[0].abort();
    stop[1].abort();
    await fake.clock.settle();
    assertEquals(fake.socket.take(CANCEL).map(([, , id]) => id), [asked[1]!.id, asked[3]!.id]);
    assertEquals(await fake.published(), [], "the first may still come before them");
    await fake.answer(asked[0]!.id, 1);
    const [again, ...none] = await fake.published();
    assertEquals([again!.n, again!.low, again!.message, none], [3, undefined, 3, []]);
    await fake.refuse(asked[2]!.id, "UNAVAILABLE", RETRYABLE | AMBIGUOUS);
    assertEquals(all[2]!.is, "pending", "the other sending tells");
    await fake.answer(again!.id, 2);
    const [last] = await fake.published();
    assertEquals([last!.n, last!.low], [5, undefined]);
    await fake.answer(asked[4]!.id, 3);
    assertEquals(all.map(({ is }) => is), [1, "CANCELLED, ambiguous", 2, "CANCELLED, ambiguous", 3]);
    await fake.close();
  });

  it("twice is ambiguous only if one of the two may have landed", async () => {
    for (const flags of [0, AMBIGUOUS]) {
      const fake = await PublishClient.connected();
      const stop = new AbortController();
      void fake.channel().publish(1, { signal: stop.signal }).catch(() => {});
      const second = outcome(fake.channel().publish(2));
      const asked = await fake.published();
      stop.abort();
      const [again] = await fake.published();
      await fake.refuse(asked[1]!.id, "BAD_INPUT", flags);
      await fake.refuse(again!.id, "BAD_INPUT");
      assertEquals(second.is, flags === 0 ? "BAD_INPUT" : "BAD_INPUT, ambiguous");
      await fake.close();
    }
  });

  it("is given up when its signal aborts", async () => {
    const fake = await PublishClient.connected();
    const controller = new AbortController();
    const sent = outcome(fake.channel().publish(1, { signal: controller.signal }));
    await fake.published();
    controller.abort();
    await fake.clock.settle();
    assertEquals(sent.is, "CANCELLED, ambiguous");
    assertEquals(told(await failure(fake.channel().publish(2, { signal: controller.signal }))), {
      code: "CANCELLED",
    });
    await assertRejects(() => fake.channel().publish(1, { timeout: -1 }), TypeError, "is no time");
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("because the client closes is ambiguous if it was sent; later ones are refused", async () => {
    const fake = await PublishClient.connected();
    const sent = outcome(fake.channel().publish(1));
    await fake.published();
    await fake.drop();
    const unsent = outcome(fake.channel().publish(2));
    await fake.close();
    assertEquals([sent.is, unsent.is], ["CLOSED, ambiguous", "CLOSED"]);
    assertEquals(told(await failure(fake.channel().publish(3))), { code: "CLOSED" });
  });

  it("because too much waits is not ambiguous; one is always taken where nothing waits", async () => {
    const fake = await PublishClient.connected({ outbox: { messages: 2, bytes: 10 } });
    const large = outcome(fake.channel().publish("a text of more than 10 bytes"));
    const second = outcome(fake.channel("news", {}).publish(1));
    const [{ id }] = await fake.published() as [Asked];
    await fake.answer(id, 1);
    assertEquals([large.is, second.is], [1, "RESOURCE_EXHAUSTED"]);
    const rest = [1, 2, 3].map((message) =>
      outcome(fake.channel(":name", { name: message }).publish(message))
    );
    await fake.clock.settle();
    assertEquals(rest.map(({ is }) => is), ["pending", "pending", "RESOURCE_EXHAUSTED"]);
    await fake.close();
  });

  it("because its answer makes no sense is ambiguous", async () => {
    const fake = await PublishClient.connected();
    for (const answer of [undefined, [], ["", 1, 1, "memory"], ["E", -1, 1, "memory"], ["E", 1, 1]]) {
      const one = outcome(fake.channel().publish(1));
      const [{ id }] = await fake.published() as [Asked];
      await fake.result(id, answer);
      assertEquals(one.is, "BAD_MESSAGE, ambiguous");
    }
    await fake.close();
  });
});

describe("history", () => {
  const entry = (offset: number) => [offset, at(offset).fingerprint, 1_000 + offset, encode({ n: offset })];
  const page = (entries: unknown[], more = false) => ({
    ...at(9),
    oldest: 3,
    more,
    entries,
  });

  it("is read page by page, both ways", async () => {
    const fake = await PublishClient.connected();
    const asked = async (query: object) => {
      const read = fake.channel().history(query);
      await fake.clock.settle();
      const [[, , id, , , input]] = fake.socket.take(CALL) as [unknown[]];
      await fake.result(id as number, page([entry(8), entry(7)], true));
      return [input, await read] as const;
    };
    const [input, read] = await asked({ before: 9, limit: 2 });
    assertEquals(input, { channel: "board/7", before: 9, limit: 2, changes: true });
    assertEquals(read, {
      position: at(9),
      oldest: 3,
      more: true,
      through: at(7),
      reset: false,
      entries: [
        { data: { n: 8 }, position: at(8), at: 1_008 },
        { data: { n: 7 }, position: at(7), at: 1_007 },
      ],
    });
    assertEquals((await asked({ after: read.entries[1]!.position }))[0], {
      channel: "board/7",
      after: 7,
      limit: 100,
      changes: true,
    });
    assertEquals((await asked({}))[0], { channel: "board/7", limit: 100, changes: true });
    const [, other] = await asked({ after: at(7, "F") });
    assertEquals([other.reset, other.entries, other.position], [true, [], at(9)]);
    await fake.close();
  });

  it("of a stream that failed over and grew again is told apart, though epoch and offsets fit", async () => {
    const fake = await PublishClient.connected();
    const after = async (position: object, told: object) => {
      const read = fake.channel().history({ after: position as never });
      await fake.clock.settle();
      const [[, , id]] = fake.socket.take(CALL) as [unknown[]];
      await fake.result(id as number, { ...page([entry(8)]), ...told });
      const { reset, entries } = await read;
      return [reset, entries.length];
    };
    const { fingerprint } = at(7);
    assertEquals(await after(at(7), { boundary: fingerprint }), [false, 1], "the past is the same");
    assertEquals(await after(at(7), { boundary: fingerprint + 1 }), [true, 0], "another was published there");
    assertEquals(await after(at(12), {}), [true, 0], "the stream has not come so far");
    assertEquals(await after({ ...at(9), fingerprint: 1 }, {}), [true, 0], "another top");
    assertEquals(await after(at(1), {}), [false, 1], "trimmed: what is kept goes on");
    await fake.close();
  });

  it("is refused where the question or the answer is none", async () => {
    const fake = await PublishClient.connected();
    await assertRejects(() => fake.channel().history({ before: 1, after: 2 }), TypeError);
    await assertRejects(() => fake.channel().history({ before: -1 }), TypeError, "the place is none");
    for (const answer of [undefined, page(["x"]), { ...page([]), epoch: "" }, { ...page([]), entries: 7 }]) {
      const read = failure(fake.channel().history());
      await fake.clock.settle();
      const [[, , id]] = fake.socket.take(CALL) as [unknown[]];
      await fake.result(id as number, answer);
      assertEquals((await read).code, "BAD_MESSAGE");
    }
    await fake.close();
  });
});

describe("signals", () => {
  it("are sent by name, by alias once there is one, and not at all without a connection", async () => {
    const fake = await ChannelClient.connected();
    const channel = fake.channel();
    assertEquals(channel.signal({ cursor: 1 }), true);
    const stop = channel.onSignal(() => {});
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    assertEquals(channel.signal({ cursor: 2 }), true);
    await fake.clock.settle();
    assertEquals(fake.socket.take(SIGNAL), [[SIGNAL, "board/7", { cursor: 1 }], [SIGNAL, 9, { cursor: 2 }]]);
    stop();
    await fake.drop();
    assertEquals(channel.signal({ cursor: 3 }), false);
    (await fake.retry()).accept();
    await fake.clock.settle();
    assertEquals(fake.socket.take(SIGNAL), []);
    await fake.close();
  });

  it("that cannot be encoded throw, and nothing of them is sent", async () => {
    const fake = await ChannelClient.connected();
    await assertRejects(async () => await Promise.resolve(fake.channel().signal(() => {})), TypeError);
    fake.channel().signal(1);
    await fake.clock.settle();
    assertEquals([fake.socket.take(SIGNAL), fake.status], [[[SIGNAL, "board/7", 1]], "open"]);
    await fake.close();
  });

  it("reach every listener, whatever one of them throws", async () => {
    const fake = await ChannelClient.connected();
    const heard: unknown[] = [];
    const channel = fake.channel();
    channel.onSignal(() => {
      throw new Error("listener");
    });
    const run = (message: unknown) => void heard.push(message);
    const [stop] = [channel.onSignal(run), channel.onSignal(run)];
    await fake.server(subscribed(1, 9, FRESH, at(0)), [41, 9, payload(5)]);
    stop!();
    await fake.server([41, 9, payload(6)]);
    assertEquals([heard, fake.errors.length], [[5, 5, 6], 2]);
    await fake.close();
  });
});
