/**
 * Typed RPC over one WebSocket, in MessagePack, for servers on Deno and Bun.
 *
 * @example One server file: `deno serve -A app.ts` runs it, and so does `bun app.ts`
 * ```ts
 * import { millrace, procedure } from "@millrace/millrace";
 * import { z } from "zod";
 *
 * export const app = millrace({
 *   procedures: {
 *     add: procedure({ input: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => a + b),
 *   },
 * });
 * export type App = typeof app;
 * export default app;
 * ```
 *
 * @module
 */

// Apps and procedures.
export { define, millrace, procedure } from "./rpc/server.ts";
export { bytes } from "./rpc/bytes.ts";

// Errors and close codes.
export { CallError, isCallError } from "./rpc/errors.ts";
export { closeAdvice, CloseCode } from "./rpc/close.ts";

// Limits.
export { DEFAULT_LIMITS } from "./rpc/limits.ts";
