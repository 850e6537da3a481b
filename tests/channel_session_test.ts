// Subscriptions belong to a connection and what a client publishes to its session: what becomes of both when a connection is lost.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, Line, told } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { payload } from "./suites/wire.ts";

const NAME = "board/7";
const HELLO = { resumable: true, producer: new Uint8Array(16).fill(5) };

/** A connection that begins a session, or carries one on. */
async function connected(
  server: ChannelNode,
  { id = "c1", session = null, received = 0 }: { id?: string; session?: unknown; received?: number } = {},
): Promise<{ line: Line; session: unknown; resumed: unknown; rest: unknown[][] }> {
  const line = new Line(server as never, id);
  line.send([Kind.HELLO, 1, session, received, payload(HELLO)]);
  await server.settle();
  const [welcome, ...rest] = line.take();
  return { line, session: welcome![2], resumed: (welcome![4] as { resumed: boolean }).resumed, rest };
}

describe("a session that is carried on by another connection", () => {
  it("has the answer to a publication that was on its way, and no subscription of the connection before", async () => {
    const server = new ChannelNode({ broker: new ScriptedBroker() });
    const first = await connected(server);
    const [[, , , , ...position]] = await first.line.joined() as [unknown[]];
    server.broker.isSlow = true;
    first.line.publish(1, "on its way");
    first.line.end();
    assertEquals(server.node.stats().subscriptions, 0);
    server.broker.isSlow = false;
    server.broker.answer();
    await server.settle();
    const second = await connected(server, { id: "c2", session: first.session });
    assertEquals(second.resumed, true);
    const answers = [...second.rest, ...second.line.take()];
    assertEquals(answers.filter(([kind]) => kind === Kind.RESULT).map(([, , id]) => id), [1]);
    assertEquals(answers.filter(([kind]) => kind === Kind.PUBLICATION), []);
    second.line.subscribe(NAME, position);
    await server.settle();
    const heard = told(second.line.takeOf(Kind.SUBSCRIBED, Kind.PUBLICATION));
    assertEquals(heard, [{ status: 1, at: 0 }, "on its way"]);
    second.line.send([Kind.CALL, 2, 2, "@publish", null, payload([NAME, 2, encode("next")])]);
    await server.settle();
    assertEquals(told(second.line.takeOf(Kind.PUBLICATION)), ["next"]);
    assertEquals(server.node.stats().subscriptions, 1);
  });

  it("numbers its subscriptions anew, and the connection that was taken over hears nothing more", async () => {
    const server = new ChannelNode({ broker: new ScriptedBroker() });
    const first = await connected(server);
    await first.line.joined();
    const second = await connected(server, { id: "c2", session: first.session });
    assertEquals([second.resumed, first.line.closed], [true, 4409]);
    assertEquals(told(await second.line.joined()), [{ status: 0, at: 0 }]);
    first.line.take();
    await server.publish("x");
    assertEquals([told(first.line.take()), told(second.line.take())], [[], ["x"]]);
    second.line.end();
    await server.clock.advance(200_000);
    assertEquals([server.node.stats().subscriptions, server.clock.pending], [0, 0]);
  });
});
