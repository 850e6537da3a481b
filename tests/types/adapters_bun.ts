/**
 * Type test, compiled with bun-types and never run: Bun's own types and the shapes of `src/bun.ts` fit each other.
 */

import type { BunServer, BunSocket, BunWebSocketHandler } from "../../src/bun.ts";
import type { LinkEvents } from "../../src/link.ts";
import { type Socket, socketServer } from "../../src/mod.ts";

/** What Bun hands to us has at least the members that we use. */
export function bunGives(
  socket: Bun.ServerWebSocket<LinkEvents>,
  server: Bun.Server<LinkEvents>,
): [BunSocket, BunServer] {
  return [socket, server];
}

/** What we hand to Bun is what it takes. */
export function bunTakes(handler: BunWebSocketHandler): Bun.WebSocketHandler<LinkEvents> {
  return handler;
}

/** `export default socketServer(…)` is what `bun app.ts` serves, and so is a `fetch` of one's own beside it. */
export function bunServes(): void {
  const app = socketServer<{ user: string }>({
    upgrade: ({ headers }) => ({ data: { user: headers.get("x-user") ?? "" } }),
    message: (socket: Socket<{ user: string }>, frame) => socket.send(frame),
  });
  Bun.serve(app);
  Bun.serve({ port: 0, fetch: app.fetch, websocket: app.websocket });
  Bun.serve({ port: 0, fetch: (request, server) => app.fetch(request, server), websocket: app.websocket });
}
