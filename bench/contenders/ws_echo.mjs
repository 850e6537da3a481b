// Control on Node: `ws` and no more. A frame comes back as it came.
import { WebSocketServer } from "ws";
import { listen } from "./listen.mjs";

new WebSocketServer({ server: listen() }).on("connection", (socket) => {
  socket.on("message", (data) => socket.send(data));
});
