import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import echo from "../examples/socket.ts";
import { serve } from "./suites/serve.ts";

describe("examples/socket.ts", () => {
  it("echoes to a standard WebSocket", async () => {
    const server = await serve(echo);
    const client = new WebSocket(server.url.replace("http", "ws"));
    client.binaryType = "arraybuffer";
    await new Promise((resolve) => client.onopen = resolve);
    client.send(new Uint8Array([1, 2, 3]));
    const { data } = await new Promise<MessageEvent>((resolve) => client.onmessage = resolve);
    assertEquals(new Uint8Array(data), new Uint8Array([1, 2, 3]));
    const closed = new Promise<CloseEvent>((resolve) => client.onclose = resolve);
    client.close(4000, "done");
    assertEquals((await closed).code, 4000);
    await server.close();
  });
});
