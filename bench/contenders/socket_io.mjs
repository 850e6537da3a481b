// Socket.IO on the engine that is at home on the runtime: its own for Bun, else the one of Node on `ws`.
import { Server } from "socket.io";
import { listen } from "./listen.mjs";
import { app } from "./socket_io_app.mjs";

let served;
if (globalThis.Bun) {
  const { Server: Engine } = await import("@socket.io/bun-engine");
  const engine = new Engine({ path: "/socket.io/" });
  const io = new Server();
  io.bind(engine);
  app(io);
  served = engine.handler();
} else {
  app(new Server(listen(), { serveClient: false }));
}
export default served;
