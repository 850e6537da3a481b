// Who is sent away, or may be a member no more, while its connection is lost: it does not stay for its grace.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { anything } from "./suites/pair.ts";
import { as, enter, presenceNode } from "./suites/presence_node.ts";

describe("a member without a connection", () => {
  for (const session of [0, 60_000]) {
    for (const what of ["sent away", "asked about again"]) {
      it(`is gone at once when it is ${what}, with a session that is kept for ${session} ms`, async () => {
        let isAllowed = true;
        const board = channel({
          presence: { data: anything, grace: 3_600 },
          allow: { presence: () => isAllowed },
        });
        const server = presenceNode({ channels: { "board/:id": board } as never, limits: { session } });
        const [ada, bob] = [await server.connect(as("a")), await server.connect(as("b"))];
        enter(ada, 1, "Ada");
        enter(bob, 1, "Bob");
        await server.settle();
        ada.end(1006);
        await server.settle();
        isAllowed = false;
        const of = server.node.connections();
        if (what === "sent away") of.close();
        else of.reauthorize();
        await server.clock.advance(1_000);
        const { presence } = server.node.publisher.channel("board/:id", { id: "7" });
        assertEquals(await presence.count(), 0);
      });
    }
  }

  it("stays when others are sent away", async () => {
    const server = presenceNode();
    const ada = await server.connect(as("a"));
    enter(ada, 1, "Ada");
    await server.settle();
    ada.end(1006);
    server.node.connections({ subject: "eve" }).close();
    server.node.connections().close(1012);
    await server.clock.advance(1_000);
    const { presence } = server.node.publisher.channel("board/:id", { id: "7" });
    assertEquals(await presence.count(), 1);
  });
});
