// Elysia's WebSocket route and the JSON RPC by hand. Elysia has parsed a message that looks like JSON by the time it hands it out.
import process from "node:process";
import { Elysia } from "elysia";
import { jsonMessage } from "./json_calls.ts";

function message(socket, parsed) {
  // Elysia makes a socket for each message; what stays is its data.
  const connection = socket.data.connection ??= { send: (text) => socket.send(text) };
  jsonMessage(connection, parsed, {
    subscribe: () => socket.subscribe("topic"),
    publish: (text) => socket.publish("topic", text),
  });
}

new Elysia({ websocket: { idleTimeout: 0 } })
  .ws("/", { message })
  .listen({ port: Number(process.env.PORT), hostname: "127.0.0.1" });
