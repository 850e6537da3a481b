// Channels over real sockets: what tests in memory say of the core holds behind a server of either runtime.
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { channel, millrace, procedure } from "../mod.ts";
import { encode } from "../msgpack/mod.ts";
import { Kind } from "../rpc/kinds.ts";
import { AppServer } from "./suites/app_server.ts";
import { anything } from "./suites/pair.ts";
import { hello, payload, type Wire } from "./suites/wire.ts";

const NAME = "board/7";
const PRODUCER = new Uint8Array(16).fill(3);

const app = millrace({
  procedures: { noop: procedure(() => 1) },
  channels: { "board/:id": channel({ message: anything, signal: anything }) },
});

describe("channels over sockets", () => {
  let server: AppServer<typeof app>;
  beforeAll(async () => void (server = await AppServer.start(app)));
  afterAll(() => server.stop());

  async function connected(producer = PRODUCER): Promise<Wire> {
    const wire = await server.wire();
    wire.send(hello({ producer }));
    await wire.nextOf(Kind.WELCOME);
    return wire;
  }

  it("a subscriber gets what others publish, and goes on from its position on another connection", async () => {
    const [subscriber, publisher] = [await connected(), await connected()];
    subscriber.send([Kind.SUBSCRIBE, 1, NAME, null, null]);
    const [, , alias, , epoch] = await subscriber.nextOf(Kind.SUBSCRIBED);
    publisher.send([Kind.CALL, 1, 1, "@publish", null, payload([NAME, 1, encode("one")])]);
    const [, , , answer] = await publisher.nextOf(Kind.RESULT);
    const [, , offset, fingerprint, value] = await subscriber.nextOf(Kind.PUBLICATION);
    assertEquals([epoch, offset, fingerprint], (answer as unknown[]).slice(0, 3));
    assertEquals([alias, value], [1, "one"]);
    await subscriber.cut();
    publisher.send(
      [Kind.CALL, 2, 2, "@publish", null, payload([NAME, 2, encode("two")])],
      [Kind.CALL, 3, 3, "@publish", null, payload([NAME, 3, encode("three")])],
    );
    await publisher.nextOf(Kind.RESULT);
    await publisher.nextOf(Kind.RESULT);
    const again = await connected();
    again.send([Kind.SUBSCRIBE, 1, NAME, [epoch, offset, fingerprint], null]);
    assertEquals((await again.nextOf(Kind.SUBSCRIBED))[3], 1);
    assertEquals((await again.nextOf(Kind.PUBLICATION))[4], "two");
    assertEquals((await again.nextOf(Kind.PUBLICATION))[4], "three");
  });

  it("server code publishes, and calls by POST do", async () => {
    const wire = await connected();
    wire.send([Kind.SUBSCRIBE, 1, "board/8", null, null]);
    await wire.nextOf(Kind.SUBSCRIBED);
    const published = await app.publish("board/:id", { id: "8" }, { from: "server" });
    assertEquals([published.offset, published.durability], [1, "memory"]);
    assertEquals((await wire.nextOf(Kind.PUBLICATION))[4], { from: "server" });
    const response = await server.post("@publish/board/8", JSON.stringify({ from: "post" }));
    assertEquals(response.status, 200);
    assertEquals((await response.json() as { offset: number }).offset, 2);
    assertEquals((await wire.nextOf(Kind.PUBLICATION))[4], { from: "post" });
  });

  it("signals reach others", async () => {
    const [one, other] = [await connected(), await connected(new Uint8Array(16).fill(8))];
    for (const wire of [one, other]) {
      wire.send([Kind.SUBSCRIBE, 1, "board/9", null, null]);
      await wire.nextOf(Kind.SUBSCRIBED);
    }
    one.send([Kind.SIGNAL, "board/9", encode({ x: 1 })]);
    assertEquals((await other.nextOf(Kind.SIGNALLED))[2], { x: 1 });
  });

  it("the gauge of subscriptions comes back to 0", async () => {
    const wires = [await connected(), await connected()];
    for (const wire of wires) {
      wire.send([Kind.SUBSCRIBE, 1, "board/10", null, null]);
      await wire.nextOf(Kind.SUBSCRIBED);
    }
    assert(app.stats().subscriptions >= 2 && app.stats().channels > 0);
    await server.cutAll();
    await server.until(() => app.stats().subscriptions, 0);
  });
});
