// A session that is resumed with other limits than it was opened with.
import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { procedure } from "../mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, Line } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { payload } from "./suites/wire.ts";

const OPENING = new Uint8Array(16).fill(3);
const KB = 1_024;

/** A session with an answer of 50 KB and a stream of such items that were sent, and lost with its connection; resumed with other limits. */
async function resumed(message: { readonly before: number; readonly after: number }, what: string) {
  const text = "x".repeat(50_000);
  const server = new ChannelNode({
    broker: new ScriptedBroker(),
    procedures: {
      value: procedure(() => text),
      stream: procedure.stream({ output: anything }, async function* () {
        for (let i = 0; i < 3; i++) yield text;
      }),
    },
  });
  const line = await server.connect({
    resumable: true,
    opening: OPENING,
    limits: { message: message.before },
  });
  line.call(what);
  await server.settle();
  line.end();
  await server.settle();
  const again = new Line(server, "again");
  const frames: Uint8Array[] = [];
  const { deliver } = again.pipe;
  again.pipe.deliver = (frame) => {
    frames.push(frame.slice());
    deliver(frame);
  };
  const told = { resumable: true, units: 0, streams: [], limits: { message: message.after } };
  again.send([Kind.HELLO, 1, OPENING, 0, payload(told)]);
  await server.settle();
  return { server, again, largest: Math.max(0, ...frames.map(({ length }) => length)) };
}

for (const what of ["value", "stream"]) {
  describe(`a session whose lost connection had a ${what} of 50 KB on its way`, () => {
    it("is over when it is resumed with a smaller message: nothing larger than that is sent", async () => {
      for (const after of [KB, 100 * KB - 1]) {
        const { server, again, largest } = await resumed({ before: 100 * KB, after }, what);
        assertEquals([again.closed, again.take(), server.node.stats().sessions], [4400, [], 0]);
        assertEquals([largest, server.node.stats().calls, server.errors], [0, 0, []]);
      }
    });

    it("goes on with the same message, or a larger one", async () => {
      for (const after of [100 * KB, 200 * KB]) {
        const { again, largest } = await resumed({ before: 100 * KB, after }, what);
        assertEquals([again.closed, again.take()[0]![0]], [undefined, Kind.WELCOME]);
        assertLess(50_000, largest);
      }
    });
  });
}
