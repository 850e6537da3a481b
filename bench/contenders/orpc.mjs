// oRPC on its adapters for Deno's and Bun's own sockets; bytes are base64.
import { EventPublisher, os } from "@orpc/server";
import { RPCHandler as BunHandler } from "@orpc/server/bun-ws";
import { RPCHandler } from "@orpc/server/websocket";
import { z } from "zod";
import { sockets } from "./sockets.ts";
import { items, range, reencoded, small } from "./procedures.ts";

const publisher = new EventPublisher();
const router = {
  echo: os.input(small).handler(({ input }) => input),
  bytes: os.input(z.string()).handler(({ input }) => reencoded(input)),
  items: os.input(range).handler(({ input }) => items(input)),
  news: os.handler(({ signal }) => publisher.subscribe("news", { signal })),
  publish: os.input(small).handler(({ input }) => publisher.publish("news", input)),
};
const onDeno = new RPCHandler(router);
const onBun = new BunHandler(router);
export default sockets((socket) => onDeno.upgrade(socket), {
  message: (socket, message) => void onBun.message(socket, message),
  close: (socket) => onBun.close(socket),
});
