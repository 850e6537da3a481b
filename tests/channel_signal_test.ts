// Signals of one turn share a frame, as long as the client takes one so large.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { SignalFrame, signalFrames } from "../rpc/shared_frames.ts";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { messagesOf } from "./suites/wire.ts";

const NAME = "board/7";

/** A server, who signals, and those who listen: one for each of these limits. */
async function listening(...limits: object[]): Promise<{ server: ChannelNode; from: Line; to: Line[] }> {
  const server = new ChannelNode({ broker: new ScriptedBroker() });
  const to: Line[] = [];
  for (const told of limits) to.push(await server.connect({ limits: told }));
  for (const line of to) await line.joined();
  const from = await server.connect();
  for (const line of to) line.pipe.frames.length = 0;
  return { server, from, to };
}

function signals(...values: unknown[]): [number, string, Uint8Array][] {
  return values.map((value) => [Kind.SIGNAL, NAME, encode(value)]);
}

/** What each frame that came holds: the values of its signals. */
function heard({ pipe }: Line): unknown[][] {
  return pipe.frames.splice(0).map((frame) => messagesOf(frame).map(([, , value]) => value));
}

describe("signals of one turn", () => {
  it("come in frames of as many messages as the client takes", async () => {
    const { server, from, to: [two, one, any] } = await listening({ messages: 2 }, { messages: 1 }, {});
    from.send(...signals(1, 2, 3, 4, 5));
    await server.settle();
    assertEquals(heard(two!), [[1, 2], [3, 4], [5]]);
    assertEquals(heard(one!), [[1], [2], [3], [4], [5]]);
    assertEquals(heard(any!), [[1, 2, 3, 4, 5]]);
  });

  it("come in frames as large as the client takes, and what is too large by itself is lost alone", async () => {
    const { server, from, to: [small, any] } = await listening({ message: 1_024 }, {});
    const values = [400, 500, 90, 2_000, 300].map((length) => "x".repeat(length));
    from.send(...signals(...values));
    await server.settle();
    const sizes = (line: Line) => heard(line).map((frame) => frame.map((value) => (value as string).length));
    assertEquals(sizes(small!), [[400, 500, 90], [300]]);
    assertEquals(sizes(any!), [[400, 500, 90, 2_000, 300]]);
  });

  it("come to each without its own, within its own limits", async () => {
    const { server, from, to: [two] } = await listening({ messages: 2 });
    const senders = { two: two!, from };
    for (
      const [name, value] of [["from", 1], ["two", 2], ["from", 3], ["two", 4], ["from", 5], [
        "from",
        6,
      ]] as const
    ) {
      senders[name].send(...signals(value));
    }
    await server.settle();
    assertEquals(heard(two!), [[1, 3], [5, 6]]);
  });

  it("stop in front of a socket that is full", async () => {
    const { server, from, to: [one, any] } = await listening({ messages: 1 }, {});
    for (const line of [one!, any!]) line.pipe.stall();
    from.send(...signals(...Array.from({ length: 8 }, (_, i) => [i, new Uint8Array(100_000)])));
    await server.settle();
    const count = one!.pipe.waiting;
    assert(count >= 1 && count <= 3, `${count} signals of 100 kB wait in a socket that is full at 192 KiB`);
  });
});

describe("the frame of signals", () => {
  const of = (...from: string[]) => new SignalFrame(9, from.map((id, i) => ({ from: id, data: encode(i) })));

  it("is the same bytes for all whose limits are the usual ones", () => {
    const frame = of("ada", "bob");
    const parts = ["eve", "joe"].map((id) => signalFrames(frame.to(id)!, DEFAULT_LIMITS));
    for (const part of parts) assertEquals(part.length, 1);
    assertStrictEquals(parts[0]![0], parts[1]![0]);
  });

  it("is cut for others without a copy", () => {
    const run = of("ada", "bob", "ada").to("eve")!;
    const parts = signalFrames(run, { message: 1_024, messages: 2 });
    assertEquals(parts.map((part) => messagesOf(part).map(([, , value]) => value)), [[0, 1], [2]]);
    for (const part of parts) assertStrictEquals(part.buffer, run.bytes.buffer);
  });

  it("holds nothing for who sent all of it", () => {
    assertEquals(of("ada", "ada").to("ada"), undefined);
  });
});
