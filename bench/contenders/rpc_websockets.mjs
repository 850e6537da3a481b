// rpc-websockets: JSON-RPC 2.0 on `ws`.
import { Server } from "rpc-websockets";
import { listen } from "./listen.mjs";
import { reencoded, small } from "./procedures.ts";
import { z } from "zod";

const server = new Server({ server: listen() });
const text = z.string();
server.register("echo", (input) => small.parse(input));
server.register("bytes", ([input]) => reencoded(text.parse(input)));
server.event("news");
server.register("publish", (input) => server.emit("news", small.parse(input)));
