// Around publications: history, signals, what a call tells of where it has published, channels by POST and in server code.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel, procedure } from "../mod.ts";
import { decode, encode } from "../msgpack/mod.ts";
import { CallError } from "../rpc/errors.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";

function withChannel(config: object = {}, options: object = {}): ChannelNode {
  const channels = { "board/:id": channel({ message: anything, signal: anything, ...config } as never) };
  return new ChannelNode({ broker: new ScriptedBroker(), channels, ...options } as never);
}

/** The tools of server code, their types erased. */
interface Tools {
  publish(...args: unknown[]): Promise<{ offset: number }>;
  channel(...args: unknown[]): {
    signal(value: unknown): Promise<void>;
    position(): Promise<object>;
    history(query?: object): Promise<Record<string, unknown>>;
  };
}

function toolsOf(server: ChannelNode): Tools {
  return server.node.channelTools as unknown as Tools;
}

async function answer(server: ChannelNode, line: Line): Promise<unknown[]> {
  await server.settle();
  const [message] = line.takeOf(Kind.RESULT, Kind.ERROR);
  return message!.slice(3);
}

describe("@history", () => {
  async function filled(count: number): Promise<{ server: ChannelNode; line: Line }> {
    const server = withChannel();
    for (let i = 1; i <= count; i++) server.broker.add(NAME, encode(`m${i}`), { fingerprint: 100 + i });
    return { server, line: await server.connect() };
  }

  /** Offsets and values of a page. */
  function entries(page: unknown): unknown[] {
    return (page as { entries: [number, number, number, Uint8Array][] }).entries.map(([offset, , , data]) => [
      offset,
      decode(data),
    ]);
  }

  it("gives the newest first, and the page before", async () => {
    const { server, line } = await filled(5);
    line.call("@history", { channel: NAME, limit: 2 });
    const [page] = await answer(server, line);
    assertEquals(entries(page), [[5, "m5"], [4, "m4"]]);
    const { epoch, offset, fingerprint, oldest, more } = page as Record<string, unknown>;
    assertEquals({ epoch, offset, fingerprint, oldest, more }, {
      epoch: "epoch-0000000001",
      offset: 5,
      fingerprint: 105,
      oldest: 1,
      more: true,
    });
    line.call("@history", { channel: NAME, before: 3, limit: 10 });
    const [rest] = await answer(server, line);
    assertEquals(entries(rest), [[2, "m2"], [1, "m1"]]);
    assertEquals((rest as { more: boolean }).more, false);
  });

  it("gives what came after, the oldest first, and says what was there before", async () => {
    const { server, line } = await filled(5);
    line.call("@history", { channel: NAME, after: 3 });
    const [page] = await answer(server, line);
    assertEquals(entries(page), [[4, "m4"], [5, "m5"]]);
    assertEquals((page as { boundary: number }).boundary, 103);
  });

  it("gives no more than a page holds", async () => {
    const server = withChannel();
    for (let i = 0; i < 20; i++) server.broker.add(NAME, encode(new Uint8Array(30_000)));
    const line = await server.connect({ limits: { message: 1 << 20 } });
    line.call("@history", { channel: NAME, limit: 1_000_000 });
    await server.settle();
    for (let i = 0; i < 10; i++) {
      line.send([Kind.ACK, line.connection.calls === 0 ? 0 : i]);
      await server.settle();
    }
    assertEquals(server.broker.asked, ["read board/7"]);
    assertEquals(
      server.broker.page(NAME, { before: 99, messages: 1_000, bytes: 256 * 1024 }).entries.length,
      8,
    );
  });

  it("is refused where it is not allowed, and where there is no channel, alike", async () => {
    const server = withChannel({ allow: { history: false } });
    const line = await server.connect();
    line.call("@history", { channel: NAME });
    const forbidden = await answer(server, line);
    line.call("@history", { channel: "nowhere" });
    assertEquals(await answer(server, line), forbidden);
    assertEquals(forbidden[0], "NOT_FOUND");
  });

  it("refuses what is no query", async () => {
    const { server, line } = await filled(1);
    const wrong = [null, 5, {}, { channel: 7 }, { channel: NAME, before: -1 }, {
      channel: NAME,
      before: 1,
      after: 1,
    }];
    for (const query of wrong) {
      line.call("@history", query);
      assertEquals((await answer(server, line))[0], "BAD_INPUT");
    }
  });
});

describe("signals", () => {
  it("reach everybody else who is subscribed, stored nowhere, in one frame for those of one turn", async () => {
    const server = withChannel();
    const [ada, bob, eve] = [await server.connect(), await server.connect(), await server.connect()];
    const [[, , alias]] = await ada.joined() as [[number, number, number]];
    await bob.joined();
    ada.send([Kind.SIGNAL, NAME, encode({ x: 1 })], [Kind.SIGNAL, alias, encode({ x: 2 })]);
    await server.settle();
    assertEquals(bob.take(), [[Kind.SIGNALLED, alias, { x: 1 }], [Kind.SIGNALLED, alias, { x: 2 }]]);
    assertEquals(ada.take(), []);
    assertEquals(eve.take(), []);
    assertEquals(server.broker.stream(NAME).top.offset, 0);
  });

  it("of several come to each without its own", async () => {
    const server = withChannel();
    const lines = [await server.connect(), await server.connect()];
    for (const line of lines) await line.joined();
    const heard = () => lines.map((line) => line.take().map(([, , value]) => value));
    lines.forEach((line, i) => line.send([Kind.SIGNAL, NAME, encode(i)]));
    await server.settle();
    assertEquals(heard(), [[1], [0]]);
    // Its own stand at the beginning, at the end, alone and several in a row.
    [0, 0, 1, 0, 1, 1, 0].forEach((of, i) => lines[of]!.send([Kind.SIGNAL, NAME, encode(i)]));
    await server.settle();
    assertEquals(heard(), [[2, 4, 5], [0, 1, 3, 6]]);
  });

  it("come late not to their sender, though its session was lost since (simulated seed 1683)", async () => {
    const server = withChannel();
    const hello = { producer: new Uint8Array(16).fill(5) };
    const [before, bob] = [await server.connect(hello), await server.connect()];
    for (const line of [before, bob]) await line.joined();
    server.broker.isSlow = true;
    before.send([Kind.SIGNAL, NAME, encode("hers")]);
    before.end();
    const after = await server.connect(hello);
    await after.joined();
    server.broker.answer();
    await server.settle();
    assertEquals([after.take(), bob.take().map(([, , value]) => value)], [[], ["hers"]]);
  });

  it("may come from who is not subscribed, and pass schema and rule first", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) => value === "bad" ? { issues: [{ message: "no" }] } : { value: [value] },
      },
    };
    const server = withChannel({
      signal: schema,
      allow: { signal: ({ user }: { user: string }) => user === "ada" },
    }, {
      authenticate: ({ token }: { token?: string }) => ({ user: token }),
    });
    const [ada, bob] = [await server.connect({ token: "ada" }), await server.connect({ token: "bob" })];
    await bob.joined();
    ada.send([Kind.SIGNAL, NAME, encode("bad")], [Kind.SIGNAL, NAME, encode("good")]);
    bob.send([Kind.SIGNAL, NAME, encode("mine")], [Kind.SIGNAL, "nowhere", encode(1)], [
      Kind.SIGNAL,
      99,
      encode(1),
    ]);
    await server.settle();
    assertEquals(bob.take().map(([, , value]) => value), [["good"]]);
    assertEquals([ada.closed, bob.closed], [undefined, undefined]);
  });

  it("that come too fast are lost, and those that cannot be decoded close with 4400", async () => {
    const server = withChannel({}, { limits: { signalRate: 10 } });
    const [ada, bob] = [await server.connect(), await server.connect()];
    await bob.joined();
    for (let i = 0; i < 50; i++) ada.send([Kind.SIGNAL, NAME, encode(i)]);
    await server.settle();
    assertEquals(bob.take().length, 20);
    await server.clock.advance(1_000);
    ada.send([Kind.SIGNAL, NAME, new Uint8Array([0xc1])]);
    await server.settle();
    assertEquals(ada.closed, 4400);
  });

  it("from server code reach everybody", async () => {
    const server = withChannel();
    const line = await server.connect();
    await line.joined();
    await toolsOf(server).channel("board/:id", { id: "7" }).signal("ping");
    await server.settle();
    assertEquals(line.take().map(([, , value]) => value), ["ping"]);
  });
});

describe("a call whose handler has published", () => {
  function publishing(handler: (context: Tools) => unknown): ChannelNode {
    const run = procedure({}, (_input: unknown, context: unknown) => handler(context as Tools));
    return withChannel({}, { procedures: { run } });
  }

  it("tells where, before it answers: of each channel the last", async () => {
    const server = publishing(async ({ publish }) => {
      await publish("board/:id", { id: "7" }, "a");
      await publish("board/:id", { id: "8" }, "b");
      await publish("board/:id", { id: "7" }, "c");
      return "done";
    });
    const line = await server.connect();
    line.call("run");
    await server.settle();
    const messages = line.take();
    assertEquals(messages.map(([kind, seq, id]) => [kind, seq, id]), [[Kind.CAUSED, 1, 1], [
      Kind.RESULT,
      2,
      1,
    ]]);
    const at = (name: string) => {
      const { epoch, top } = server.broker.stream(name);
      return [name, epoch, top.offset, top.fingerprint];
    };
    assertEquals(messages[0]![3], [at("board/8"), at("board/7")]);
    assertEquals(server.broker.stream("board/7").top.offset, 2);
  });

  it("tells it in messages so small that no answer passes them, to a client that takes no more too", async () => {
    const server = publishing(async ({ publish }) => {
      for (let id = 0; id < 100; id++) await publish("board/:id", { id: `${id}/${"é".repeat(30)}` }, "a");
    });
    const line = await server.connect();
    line.call("run");
    await server.settle();
    const messages = line.take();
    assertEquals(messages.pop()![0], Kind.RESULT);
    const told = messages.flatMap(([kind, , id, caused]) => {
      assertEquals([kind, id, encode(caused).length < 1_024 - 32], [Kind.CAUSED, 1, true]);
      return (caused as [string][]).map(([name]) => name.split("%2F")[0]);
    });
    assertEquals(told, Array.from({ length: 100 }, (_, id) => `board/${id}`));
    assert(messages.length < 100 / 3, `${messages.length} messages`);
  });

  it("tells it before an error too", async () => {
    const server = publishing(async ({ publish }) => {
      await publish("board/:id", { id: "7" }, "a");
      throw new CallError("FORBIDDEN");
    });
    const line = await server.connect();
    line.call("run");
    await server.settle();
    assertEquals(line.take().map(([kind]) => kind), [Kind.CAUSED, Kind.ERROR]);
  });

  it("tells nothing where it has not", async () => {
    const server = publishing(() => "done");
    const line = await server.connect();
    line.call("run");
    await server.settle();
    assertEquals(line.take().map(([kind]) => kind), [Kind.RESULT]);
  });

  it("is refused what the channel does not take", async () => {
    const server = publishing(({ publish }) => publish("nowhere", "x"));
    const line = await server.connect();
    line.call("run");
    await server.settle();
    assertEquals(line.take()[0]![3], "INTERNAL");
    assertEquals(String(server.errors[0]), 'TypeError: There is no channel "nowhere"');
  });
});

describe("channels in server code", () => {
  it("publishes once for each key, and validates", async () => {
    const server = withChannel();
    const { publish } = toolsOf(server);
    for (const key of ["", "界".repeat(86)]) {
      await assertRejects(() => publish("board/:id", { id: 7 }, "x", { key }), TypeError, "1 to 255 bytes");
    }
    const first = await publish("board/:id", { id: 7 }, "x", { key: "k" });
    const second = await publish("board/:id", { id: 7 }, "x", { key: "k" });
    assertEquals([first.offset, second.offset], [1, 1]);
    server.broker.isAway = true;
    const error = await assertRejects(() => publish("board/:id", { id: 7 }, "y"), CallError);
    assertEquals([error.code, error.retryable, error.ambiguous], ["UNAVAILABLE", true, true]);
  });

  it("reads position and history, and says when a position is of another life", async () => {
    const server = withChannel();
    for (const message of ["a", "b", "c"]) await server.publish(message);
    const board = toolsOf(server).channel("board/:id", { id: "7" });
    const position = await board.position() as { offset: number };
    assertEquals(position.offset, 3);
    const page = await board.history({ limit: 2 });
    assertEquals((page.entries as { data: unknown }[]).map(({ data }) => data), ["c", "b"]);
    assertEquals([page.more, page.reset, page.oldest], [true, false, 1]);
    server.broker.streams.delete(NAME);
    await server.publish("new");
    const after = await board.history({ after: position });
    assertEquals([after.reset, after.entries], [true, []]);
  });
});

describe("channels by POST", () => {
  async function post(
    server: ChannelNode,
    name: string,
    body: unknown,
    headers: object = {},
  ): Promise<unknown> {
    const request = new Request("http://test/", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const copy = { url: request.url, method: "POST", headers: request.headers, address: "" };
    let response: Response | undefined;
    void server.node.posts.answer(request, { copy, name }).then((answer) => void (response = answer));
    while (response === undefined) await server.settle();
    return [response.status, await response.json()];
  }

  const byToken = { authenticate: ({ token }: { token?: string }) => ({ subject: token }) };

  it("publishes the body, once for each key", async () => {
    const server = withChannel({}, byToken);
    const line = await server.connect();
    await line.joined();
    const headers = { "idempotency-key": "k", authorization: "Bearer ada" };
    const [status, first] = await post(server, "@publish/board/7", { x: 1 }, headers) as [number, object];
    assertEquals([status, Object.keys(first)], [200, ["epoch", "offset", "fingerprint", "durability"]]);
    assertEquals(await post(server, "@publish/board/7", { x: 1 }, headers), [200, first]);
    await server.settle();
    assertEquals(told(line.take()), [{ x: 1 }]);
  });

  it("refuses a key that is nobody's, and a channel that is not there", async () => {
    const server = withChannel();
    const [status] = await post(server, "@publish/board/7", 1, { "idempotency-key": "k" }) as [number];
    const [missing] = await post(server, "@publish/nowhere", 1) as [number];
    assertEquals([status, missing], [400, 404]);
  });

  it("reads the history, its messages as they are", async () => {
    const server = withChannel();
    for (const message of ["a", "b"]) await server.publish(message);
    const [status, page] = await post(server, "@history/board/7", { limit: 1 }) as [
      number,
      { entries: object[] },
    ];
    assertEquals([status, page.entries.map((entry) => (entry as { data: unknown }).data)], [200, ["b"]]);
  });
});
