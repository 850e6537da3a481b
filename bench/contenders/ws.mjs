// `ws` and the JSON RPC by hand. On Bun, `ws` is Bun's own stand-in for it.
import { WebSocketServer } from "ws";
import { jsonFrame } from "./json_calls.ts";
import { listen } from "./listen.mjs";

new WebSocketServer({ server: listen() }).on("connection", (socket) => {
  socket.on("message", (data, binary) => jsonFrame(socket, binary ? data : data.toString()));
});
