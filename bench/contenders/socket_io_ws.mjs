// Socket.IO on Bun with the engine of Node, on Bun's stand-in for `ws`.
import { Server } from "socket.io";
import { listen } from "./listen.mjs";
import { app } from "./socket_io_app.mjs";

app(new Server(listen(), { serveClient: false }));
