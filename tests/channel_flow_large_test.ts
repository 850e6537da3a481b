// What a client that acknowledges nothing is sent, where one publication is most of what it may be sent at all, and where a part of what it was sent at once is acknowledged.
import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { ChannelNode, type Line } from "./suites/channel_node.ts";
import { ScriptedBroker } from "./suites/scripted_broker.ts";

const NAME = "board/7";
const MOST = 1024 * 1024;

/** A socket that takes everything: only what is acknowledged counts. */
function start(): ChannelNode {
  return new ChannelNode({ broker: new ScriptedBroker() });
}

/** Bytes of the publications that came. */
function bytesOf(line: Line): number {
  return line.takeOf(Kind.PUBLICATION).reduce((sum, [, , , , data]) => sum + encode(data).length, 0);
}

describe("a subscriber that acknowledges nothing, and large publications", () => {
  for (const options of [null, { filter: ["exists", []] }, { policy: { latest: true } }]) {
    for (const sizes of [[450_000], [600_000], [900_000], [...new Array(14).fill(62_000), 1_000_000]]) {
      it(`is sent at most 1 MiB of ${sizes.length} of up to ${sizes.at(-1)}, ${JSON.stringify(options)}`, async () => {
        const server = start();
        const line = await server.connect();
        await line.joined(NAME, null, options);
        for (let sent = 0; sent < 4 * MOST;) {
          for (const size of sizes) {
            server.broker.add(NAME, encode(new Uint8Array(size)));
            await server.clock.settleFor(1);
            sent += size;
          }
        }
        await server.settle();
        const bytes = bytesOf(line);
        assert(bytes > 0 && bytes <= MOST, `${bytes} were sent`);
      });
    }
  }

  it("is sent at most 1,000 though it has seen the hole of a sample, and not what came with it", async () => {
    const server = start();
    const line = await server.connect();
    const options = { policy: { sample: 10, by: ["key"] } };
    const [[, , alias]] = await line.joined(NAME, null, options) as [[number, number, number]];
    server.broker.add(NAME, encode({ key: 0 }));
    await server.settle();
    line.take();
    for (let i = 0; i < 20_000; i++) server.broker.add(NAME, encode({ key: "x" }));
    for (let key = 0; key < 10; key++) server.broker.add(NAME, encode({ key }));
    await server.settle();
    await server.clock.advance(100);
    const [first, ...others] = line.takeOf(Kind.PUBLICATION) as [[number, number, number], ...unknown[]];
    line.send([Kind.SEEN, alias, first[2]]);
    let unseen = others.length;
    for (let round = 0; round < 200; round++) {
      for (let key = 0; key < 30; key++) server.broker.add(NAME, encode({ key }));
      await server.settle();
      await server.clock.advance(100);
      unseen += line.takeOf(Kind.PUBLICATION).length;
    }
    assert(unseen <= 64 + 30, `${unseen} were sent`);
  });
});
