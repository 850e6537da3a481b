// Hono's WebSocket helper and the JSON RPC by hand.
import { Hono } from "hono";
import { jsonFrame } from "./json_calls.ts";

const { upgradeWebSocket, websocket } = await import(globalThis.Deno ? "hono/deno" : "hono/bun");

function events() {
  let connection; // on Bun there is another socket for each message
  return {
    onMessage({ data }, socket) {
      connection ??= { send: (text) => socket.send(text) };
      jsonFrame(connection, data);
    },
  };
}

const options = { idleTimeout: 0 };
const app = new Hono().get("/", upgradeWebSocket(events, options));
export default { fetch: app.fetch, websocket: { ...websocket, ...options } };
