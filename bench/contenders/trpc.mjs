// tRPC on its adapter for `ws`; bytes are base64.
import { EventEmitter, on } from "node:events";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocketServer } from "ws";
import { z } from "zod";
import { listen } from "./listen.mjs";
import { items, range, reencoded, small } from "./procedures.ts";

const { procedure, router } = initTRPC.create();
const emitter = new EventEmitter().setMaxListeners(0);

/** As tRPC's documentation has it. */
async function* news(signal) {
  for await (const [value] of on(emitter, "news", { signal })) yield value;
}

applyWSSHandler({
  wss: new WebSocketServer({ server: listen() }),
  router: router({
    echo: procedure.input(small).query(({ input }) => input),
    bytes: procedure.input(z.string()).query(({ input }) => reencoded(input)),
    items: procedure.input(range).subscription(({ input }) => items(input)),
    news: procedure.subscription(({ signal }) => news(signal)),
    publish: procedure.input(small).mutation(({ input }) => emitter.emit("news", input)),
  }),
});
