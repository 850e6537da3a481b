/**
 * An app as a Hono handler, on Deno and on Bun, beside other routes and middleware. It knows Hono by shape alone, so it fits
 * every version that has these members and survives two copies of it.
 *
 * @example One file for both runtimes
 * ```ts
 * import { Hono } from "hono";
 * import { millrace, procedure } from "@millrace/millrace";
 * import { hono } from "@millrace/millrace/hono";
 *
 * const app = millrace({ procedures: { hello: procedure(() => "world") } });
 * const web = new Hono()
 *   .get("/", (c) => c.text("home"))
 *   .get("/rpc", hono(app))
 *   .post("/rpc/:name", hono(app));
 *
 * export default { fetch: web.fetch, websocket: app.websocket };
 * ```
 *
 * @module
 */
import { mounted } from "./mount.ts";

/** The part of Hono's context that is used. */
export interface HonoContext {
  /** The request. */
  readonly req: {
    /** The runtime's request. */
    readonly raw: Request;
    /** A parameter of the route: `name`. */
    param(name: "name"): string | undefined;
  };
  /** What `fetch` was given beside the request: Bun's server, or Deno's `ServeHandlerInfo`. */
  readonly env: unknown;
}

/** What {@linkcode hono} mounts: what `millrace()` gives. */
export interface MountableApp {
  /** What Bun's `serve` wants as `websocket`. */
  readonly websocket: object;
}

/**
 * Makes a handler for the route of the handshake, and for one with the parameter `:name` for calls by `POST`. The path of the route counts, not
 * that of the app. Middleware before it runs before the upgrade; what it sets on the response of the handshake is the
 * runtime's to keep or drop.
 *
 * @throws {TypeError} If `millrace()` did not make the app.
 */
export function hono(app: MountableApp): (context: HonoContext) => Response | Promise<Response> {
  const behind = mounted(app);
  return ({ req, env }) => {
    const name = req.param("name");
    if (req.raw.method === "POST" && name !== undefined) return behind.post(req.raw, env, name);
    return behind.upgrade(req.raw, env);
  };
}
