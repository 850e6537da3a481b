// Where a subscription begins: each row of the table in docs/protocol.md, and what may happen while it is looked up.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line, told } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { encode } from "../msgpack/mod.ts";

const NAME = "board/7";
const [FRESH, RECOVERED, RESET] = [0, 1, 2];

/** A node whose stream has so many publications: 1, 2, 3… */
function nodeWith(count: number, options: object = {}): ChannelNode {
  const broker = new ScriptedBroker();
  const server = new ChannelNode({ broker, ...options });
  for (let i = 1; i <= count; i++) broker.add(NAME, encode(i));
  return server;
}

/** The position of a publication that is still kept, or of the beginning. */
function positionAt({ broker }: ChannelNode, offset: number): [string, number, number] {
  const { epoch, entries } = broker.stream(NAME);
  return [epoch, offset, entries.find((entry) => entry.offset === offset)?.fingerprint ?? 0];
}

async function asked(
  server: ChannelNode,
  position: unknown,
  options: unknown = null,
): Promise<[unknown[], Line]> {
  const line = await server.connect();
  return [told(await line.joined(NAME, position, options)), line];
}

describe("where a subscription begins", () => {
  it("no position: at the top, fresh", async () => {
    const [heard] = await asked(nodeWith(3), null);
    assertEquals(heard, [{ status: FRESH, at: 3 }]);
  });

  it("a channel that nobody has published to: at 0, with an epoch", async () => {
    const line = await nodeWith(0).connect();
    const [subscribed] = await line.joined(NAME);
    assertEquals(subscribed, [Kind.SUBSCRIBED, 1, 1, FRESH, "epoch-0000000001", 0, 0]);
  });

  it("the top, and the same fingerprint: recovered, nothing follows", async () => {
    const server = nodeWith(3);
    assertEquals((await asked(server, positionAt(server, 3)))[0], [{ status: RECOVERED, at: 3 }]);
  });

  it("the top, though all entries have expired: recovered", async () => {
    const server = nodeWith(3);
    const position = positionAt(server, 3);
    server.broker.stream(NAME).entries = [];
    assertEquals((await asked(server, position))[0], [{ status: RECOVERED, at: 3 }]);
  });

  it("nothing was ever published, and the client knows that: recovered (zero-event resume)", async () => {
    const server = nodeWith(0);
    assertEquals((await asked(server, positionAt(server, 0)))[0], [{ status: RECOVERED, at: 0 }]);
  });

  it("at 0 of a stream that has begun since: recovered, with everything (the epoch race of a first publication)", async () => {
    const server = nodeWith(0);
    const position = positionAt(server, 0);
    server.broker.add(NAME, encode("first"));
    assertEquals((await asked(server, position))[0], [{ status: RECOVERED, at: 0 }, "first"]);
  });

  it("a place whose successors are all there: recovered, and they follow", async () => {
    const server = nodeWith(5);
    assertEquals((await asked(server, positionAt(server, 2)))[0], [{ status: RECOVERED, at: 2 }, 3, 4, 5]);
  });

  it("a place whose own entry is trimmed, and whose fingerprint its successor knows: recovered", async () => {
    const server = nodeWith(5);
    const position = positionAt(server, 2);
    server.broker.stream(NAME).entries.splice(0, 2);
    assertEquals((await asked(server, position))[0], [{ status: RECOVERED, at: 2 }, 3, 4, 5]);
  });

  it("another fingerprint at the top: reset", async () => {
    const server = nodeWith(3);
    const [epoch] = positionAt(server, 3);
    assertEquals((await asked(server, [epoch, 3, 77]))[0], [{ status: RESET, at: 3 }]);
  });

  it("another fingerprint below the top: reset", async () => {
    const server = nodeWith(3);
    const [epoch] = positionAt(server, 3);
    assertEquals((await asked(server, [epoch, 2, 77]))[0], [{ status: RESET, at: 3 }]);
  });

  it("another fingerprint at the place that was trimmed last: reset", async () => {
    const server = nodeWith(5);
    const [epoch] = positionAt(server, 2);
    server.broker.stream(NAME).entries.splice(0, 2);
    assertEquals((await asked(server, [epoch, 2, 77]))[0], [{ status: RESET, at: 5 }]);
  });

  it("trimmed past it: reset, though the epoch is the same", async () => {
    const server = nodeWith(5);
    const position = positionAt(server, 1);
    server.broker.stream(NAME).entries.splice(0, 2);
    assertEquals((await asked(server, position))[0], [{ status: RESET, at: 5 }]);
  });

  it("ahead of the top: reset", async () => {
    const server = nodeWith(3);
    const [epoch] = positionAt(server, 3);
    assertEquals((await asked(server, [epoch, 4, 77]))[0], [{ status: RESET, at: 3 }]);
  });

  it("another epoch: reset, whatever the numbers", async () => {
    const server = nodeWith(3);
    const [, offset, fingerprint] = positionAt(server, 3);
    assertEquals((await asked(server, ["epoch-elsewhere!", offset, fingerprint]))[0], [{
      status: RESET,
      at: 3,
    }]);
  });

  it("failed over to an older copy that has grown past it: reset, never recovered", async () => {
    const server = nodeWith(10);
    const position = positionAt(server, 10);
    server.broker.rollBack(NAME, 9);
    for (let i = 0; i < 5; i++) server.broker.add(NAME, encode(`new ${i}`));
    assertEquals((await asked(server, position))[0], [{ status: RESET, at: 14 }]);
  });

  for (
    const [what, position] of Object.entries({
      "an empty epoch with an offset": ["", 3, 5],
      "an empty epoch": ["", 0, 0],
      "a negative offset": ["epoch-0000000001", -1, 0],
      "an offset beyond 2^53": ["epoch-0000000001", 2 ** 60, 0],
      "an offset that is a text": ["epoch-0000000001", "3", 0],
      "no fingerprint": ["epoch-0000000001", 3],
      "a fingerprint of 33 bits": ["epoch-0000000001", 3, 2 ** 33],
      "a map": { epoch: "epoch-0000000001", offset: 3, fingerprint: 0 },
    })
  ) {
    it(`malformed, ${what}: closed with 4400, never "no position"`, async () => {
      const server = nodeWith(3);
      const line = await server.connect();
      line.subscribe(NAME, position);
      await server.settle();
      assertEquals(line.closed, 4400);
      assertEquals(server.broker.asked, []);
    });
  }

  it("what is replayed has the bytes of what is live", async () => {
    const server = nodeWith(0);
    const position = positionAt(server, 0);
    const live = await server.connect();
    await live.joined(NAME);
    for (const message of ["a", { b: [1, 2] }, undefined]) await server.publish(message);
    const bytes = (line: Line) =>
      line.pipe.frames.map((frame) => [...frame]).filter(([, kind]) => kind === Kind.PUBLICATION);
    const late = await server.connect();
    await late.joined(NAME, position);
    const replayed = late.pipe.frames.map((frame) => [...frame]).at(-1)!;
    const subscribed = replayed.length - bytes(live).flat().length;
    assertEquals(replayed.slice(subscribed), bytes(live).flat());
  });
});

describe("where a new subscription looks back", () => {
  it("so many publications: from before them", async () => {
    assertEquals((await asked(nodeWith(5), null, { rewind: 2 }))[0], [{ status: FRESH, at: 3 }, 4, 5]);
  });

  it("more than there are: from the oldest that is kept", async () => {
    const server = nodeWith(5);
    server.broker.stream(NAME).entries.splice(0, 3);
    assertEquals((await asked(server, null, { rewind: 50 }))[0], [{ status: FRESH, at: 3 }, 4, 5]);
  });

  it("so many milliseconds: from the first that is not older", async () => {
    const server = nodeWith(5); // appended at 1,000, 1,001…
    const line = await server.connect();
    const ago = 1_000_000 + server.clock.now() - 1_003;
    assertEquals(told(await line.joined(NAME, null, { rewindMs: ago })), [{ status: FRESH, at: 3 }, 4, 5]);
  });

  it("where nothing is kept: at the top", async () => {
    const server = nodeWith(5);
    server.broker.stream(NAME).entries = [];
    assertEquals((await asked(server, null, { rewind: 2 }))[0], [{ status: FRESH, at: 5 }]);
  });
});
