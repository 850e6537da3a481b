/**
 * Type test, compiled with Deno's types and never run: Deno's own types and the shapes of `src/deno.ts` fit each
 * other.
 */

import type { DenoInfo, DenoRuntime } from "../../src/deno.ts";
import { type Socket, socketServer } from "../../src/mod.ts";

/** What Deno hands to us has at least the members that we use. */
export function denoGives(info: Deno.ServeHandlerInfo<Deno.NetAddr>): [DenoRuntime, DenoInfo] {
  return [Deno, info];
}

const app = socketServer<{ user: string }>({
  upgrade: ({ headers }) => ({ data: { user: headers.get("x-user") ?? "" } }),
  message: (socket: Socket<{ user: string }>, frame) => socket.send(frame),
});

/** `export default socketServer(…)` is what `deno serve` serves. */
export default app satisfies Deno.ServeDefaultExport;

/** And `Deno.serve` takes its `fetch`. */
export function denoServes(): void {
  Deno.serve(app.fetch);
  Deno.serve({ port: 0 }, (request, info) => app.fetch(request, info));
}
