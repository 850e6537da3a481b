// A publication that the program's rule keeps waiting: what becomes of it when its publisher is gone by the answer.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import type { Append } from "../rpc/broker.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, Line } from "./suites/channel_node.ts";
import { anything } from "./suites/pair.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";
import { payload } from "./suites/wire.ts";

const PRODUCER = new Uint8Array(16).fill(7);
const OPENING = new Uint8Array(16).fill(3);
const ON_ITS_WAY = 60_000;

/** A broker that writes down what is appended. */
class NotingBroker extends ScriptedBroker {
  readonly appends: Append[] = [];

  override append(channel: string, append: Append): ReturnType<ScriptedBroker["append"]> {
    this.appends.push(append);
    return super.append(channel, append);
  }
}

/** A server whose rule says yes when the test says so. */
function slow() {
  const answers: PromiseWithResolvers<boolean>[] = [];
  const publish = () => {
    answers.push(Promise.withResolvers());
    return answers.at(-1)!.promise;
  };
  const server = new ChannelNode({
    broker: new NotingBroker(),
    authenticate: ({ token }) => ({ subject: token! }),
    channels: { "board/:id": channel({ message: anything, allow: { publish } }) },
  });
  const yes = async () => {
    for (const { resolve } of answers.splice(0)) resolve(true);
    await server.settle();
  };
  return { server, yes };
}

/** One that has published. */
async function publisher(server: ChannelNode<NotingBroker>, options: object = {}): Promise<Line> {
  const line = await server.connect({ token: "ada", producer: PRODUCER, ...options });
  line.publish(1, "hello");
  await server.settle();
  return line;
}

describe("a publication whose rule answers late", () => {
  it("does not land when its publisher was kicked meanwhile, nor what waits behind it", async () => {
    const { server, yes } = slow();
    const line = await publisher(server);
    line.publish(2, "behind", { low: 1 });
    await server.node.kick("ada");
    await server.settle();
    assertEquals(line.closed, 4403);
    await yes();
    await yes();
    assertEquals([server.broker.appends, server.errors], [[], []]);
  });

  it("does not land when its session ended with its connection", async () => {
    const { server, yes } = slow();
    const line = await publisher(server);
    line.end();
    await yes();
    assertEquals(server.broker.appends, []);
  });

  it("does not land when its client has given it up", async () => {
    const { server, yes } = slow();
    const line = await publisher(server);
    line.send([Kind.CANCEL, 2, 1]);
    await server.settle();
    await yes();
    assertEquals(server.broker.appends, []);
  });

  it("lands while its session waits for another connection, which brings the answer", async () => {
    const { server, yes } = slow();
    const line = await publisher(server, { resumable: true, opening: OPENING });
    line.end();
    await server.settle();
    await yes();
    assertEquals(server.broker.appends.length, 1);
    const again = new Line(server, "again");
    const told = { token: "ada", producer: PRODUCER, resumable: true, units: 0, streams: [] };
    again.send([Kind.HELLO, 1, OPENING, 0, payload(told)]);
    await server.settle();
    const [, id, position] = again.takeOf(Kind.RESULT)[0]!.slice(1);
    assertEquals([id, (position as unknown[])[1]], [1, 1]);
  });

  it("tells the broker how old it is when it is stored, not when it came", async () => {
    const { server, yes } = slow();
    const line = await server.connect({ token: "ada", producer: PRODUCER });
    line.call("@publish", ["board/7", 1, payload("hello"), { age: 1_000 }]);
    await server.clock.advance(30_000);
    await yes();
    assertEquals(server.broker.appends.map(({ producer }) => producer?.age), [
      1_000 + 30_000 + 120_000 + ON_ITS_WAY,
    ]);
  });
});
