/**
 * Socket conformance: the upgrade.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { RawSocket } from "./raw.ts";
import { useServer } from "./socket_kit.ts";
import { TestServer } from "./socket_server.ts";

/** Registers this part of the suite. */
export function upgradeConformance(): void {
  const kit = useServer();

  describe("the upgrade", () => {
    it("hands over a copy of the request that stays readable, and gives data, protocol and headers", async () => {
      const withData = await TestServer.start<{ user: string }>({
        path: "/chat",
        upgrade: async (request) => {
          await Promise.resolve();
          queueMicrotask(() => request.headers.get("x-user"));
          return {
            data: {
              user: `${request.headers.get("x-user")} at ${request.address} ${new URL(request.url).search}`,
            },
            protocol: "b",
            headers: [["set-cookie", "one=1"], ["set-cookie", "two=2"]],
          };
        },
      });
      kit.server = withData as unknown as TestServer;
      const headers = { "X-User": "ada", "Sec-WebSocket-Protocol": "a,b ,\tc" };
      const { client, socket } = await withData.connect({ path: "/chat?x=1", headers });
      assertEquals(socket.data, { user: "ada at 127.0.0.1 ?x=1" });
      assertEquals(socket.address, "127.0.0.1");
      assertEquals(client.headers.get("sec-websocket-protocol"), "b");
      assertEquals(client.headers.getSetCookie(), ["one=1", "two=2"]);
      assertEquals(client.headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    });

    it("selects no subprotocol unless told to: an offer may be a secret", async () => {
      await kit.start();
      const { client } = await kit.server.connect({
        headers: { "Sec-WebSocket-Protocol": "secret-token, b" },
      });
      assertEquals(client.headers.get("sec-websocket-protocol"), null);
    });

    it("refuses with the response that upgrade() returns", async () => {
      await kit.start({ upgrade: () => new Response("no", { status: 401 }) });
      assertEquals((await kit.server.handshake()).status, 401);
      assertEquals(kit.server.opened.size, 0);
    });

    it("answers 500 and reports when upgrade() fails or selects what was not offered", async () => {
      for (
        const upgrade of [
          () => Promise.reject(new Error("broken")),
          () => ({ data: undefined, protocol: "x" }),
          () => ({ data: undefined, headers: { "Sec-WebSocket-Protocol": "x" } }),
        ]
      ) {
        await kit.start({ upgrade });
        assertEquals((await kit.server.handshake()).status, 500);
        assert(await kit.server.errors.next() instanceof Error);
        assertEquals(kit.server.app.sockets.size, 0);
        await kit.server.stop();
      }
    });

    it("leaves nothing behind when the client goes away meanwhile", async () => {
      const gone = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      await kit.start({
        upgrade: async () => {
          asked.resolve();
          await gone.promise;
          return { data: undefined };
        },
      });
      const client = RawSocket.start(kit.server.port);
      await asked.promise;
      await client.destroy();
      gone.resolve();
      await kit.server.app.close();
      assertEquals([kit.server.app.sockets.size, kit.server.app.lingering], [0, 0]);
    });
  });
}
