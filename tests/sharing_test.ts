// Frames that many connections share: they are given to a socket without a look at what its connection does else, and so may overtake nothing.
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { MemoryBroker } from "../brokers/memory.ts";
import { channel } from "../mod.ts";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { writeResultHead } from "../rpc/messages.ts";
import { ChannelNode } from "./suites/channel_node.ts";
import { answer, CountingSocket, outboxOn } from "./suites/counting_socket.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { frameOf, messagesOf } from "./suites/wire.ts";

const RESULT = 17;

describe("what many connections share", () => {
  /** The ids of calls, in the order in which their answers left. */
  function left({ frames }: CountingSocket): unknown[] {
    return frames.flatMap((frame) => messagesOf(frame).map(([, , id]) => id));
  }

  it("overtakes nothing that was written before, and is never held back by nothing", async () => {
    const act = fc.constantFrom("write", "write large", "drop", "share", "share", "flush", "turn");
    let [given, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 60 }), async (acts) => {
        const socket = new CountingSocket();
        const clock = new ManualClock();
        const outbox = outboxOn(socket, clock, { ...DEFAULT_LIMITS, message: 1_000, messages: 3 });
        let isEmpty = true;
        const expected: number[] = [];
        for (const [i, what] of acts.entries()) {
          const id = 1_000 + i;
          if (what === "write" || what === "write large") {
            answer(outbox, what === "write" ? 5 : 450, id);
            expected.push(id);
            isEmpty = !outbox.hasFrame;
          } else if (what === "drop") {
            outbox.open();
            writeResultHead(outbox.nextSequence, id);
            outbox.abandon();
            isEmpty = false; // its buffer is given back when it leaves
          } else if (what === "share") {
            const frame = frameOf([RESULT, 1, id, new Uint8Array(4)]);
            const wasGiven = outbox.room.share(frame, 1 << 20);
            assertEquals(wasGiven, isEmpty);
            if (wasGiven) given++;
            else {
              refused++;
              outbox.sendShared(frame);
              isEmpty = true;
            }
            expected.push(id);
          } else {
            if (what === "flush") outbox.flush();
            else await clock.settle();
            isEmpty = true;
          }
        }
        outbox.flush();
        assertEquals(left(socket), expected);
      }),
      { numRuns: 500, seed: 11 }, // the counts below are of this one
    );
    assert(given > 500 && refused > 500, `${given} times given, ${refused} times refused`);
  });

  it("is not given to a socket that is too full, until somebody has asked it again", () => {
    const socket = new CountingSocket();
    const { room } = outboxOn(socket);
    const frame = new Uint8Array(100);
    const count = (): number => [...Array(50)].filter(() => room.share(frame, 1_000)).length;
    assertEquals(count(), 9); // 114 bytes each, at most: Bun counts a header
    socket.buffered = 0;
    assertEquals(count(), 0);
    assertEquals(room.isOver(1_000, 0), false);
    assertEquals(count(), 9);
  });

  it("goes nowhere when the connection is gone", () => {
    const socket = new CountingSocket();
    const outbox = outboxOn(socket);
    outbox.end();
    outbox.room.share(new Uint8Array(100), 1_000);
    outbox.sendShared(new Uint8Array(100));
    assertEquals(socket.frames, []);
  });
});

describe("a frame of a channel that is the same for all", () => {
  const NAME = "board/7";

  it("is not given whole to who takes fewer messages in one", async () => {
    const server = new ChannelNode({ broker: new ScriptedBroker() });
    const few = await server.connect({ limits: { messages: 3 } });
    const many = await server.connect();
    await few.joined();
    await many.joined();
    const before = [few.pipe.frames.length, many.pipe.frames.length];
    for (let i = 0; i < 9; i++) server.broker.add(NAME, encode(i));
    await server.settle();
    const sizes = few.pipe.frames.slice(before[0]).map((frame) => messagesOf(frame).length);
    assert(sizes.every((size) => size <= 3), `frames of ${sizes} messages`);
    assertEquals(few.takeOf(Kind.PUBLICATION).length, 9);
    assertEquals(many.pipe.frames.length, before[1]! + 1);
  });

  it("is told as a gap to who takes no changes, where it has one", async () => {
    const channels = { "board/:id": channel({ message: anything, changes: true }) };
    const broker = new MemoryBroker();
    const server = new ChannelNode({ broker, channels });
    const [takes, takesNone] = [await server.connect(), await server.connect()];
    await takes.joined(NAME, null, { changes: true });
    await takesNone.joined();
    await server.publish("first");
    const board = server.node.channelTools.channel("board/:id", { id: "7" }) as unknown as {
      edit(offset: number, message: unknown): Promise<unknown>;
    };
    await board.edit(1, "second");
    await server.settle();
    const kinds = (line: typeof takes): unknown[] => line.take().map(([kind]) => kind);
    assertEquals(kinds(takes), [Kind.PUBLICATION, Kind.CHANGE]);
    assertEquals(kinds(takesNone), [Kind.PUBLICATION, Kind.GAP]);
    await broker.close();
  });

  it("does not count what a policy has left out before it as sent and not seen", async () => {
    const server = new ChannelNode({ broker: new ScriptedBroker() });
    const line = await server.connect();
    await line.joined(NAME, null, { policy: { sample: 10 } });
    const newest: unknown[] = [];
    for (let i = 1; i <= 50; i++) { // 1,000 publications, of which 50 are given
      for (let n = 0; n < 20; n++) server.broker.add(NAME, encode(n));
      await server.clock.advance(100);
      newest.push(20 * i);
    }
    assertEquals(line.takeOf(Kind.PUBLICATION).map(([, , offset]) => offset), newest);
  });
});
