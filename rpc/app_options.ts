/**
 * What a program says of its app, checked before anything is made of it.
 *
 * @module
 */
import type { ConnectionFilter, KickOptions, ReauthorizeFilter, ShutdownOptions } from "./app.ts";
import { type NamesOf, refuseUnknown } from "./known_options.ts";
import type { NodeOptions } from "./node.ts";

const APP: NamesOf<NodeOptions> = {
  authenticate: true,
  origins: true,
  requireOrigin: true,
  hosts: true,
  onConnect: true,
  onDisconnect: true,
  onError: true,
  path: true,
  procedures: true,
  channels: true,
  broker: true,
  limits: true,
  clientAddress: true,
};
const FUNCTIONS = ["authenticate", "onConnect", "onDisconnect", "onError", "clientAddress"] as const;
const KICK: NamesOf<KickOptions> = { code: true, reason: true };
const REAUTHORIZE: NamesOf<ReauthorizeFilter> = { subject: true, channel: true };
const CONNECTIONS: NamesOf<ConnectionFilter> = { subject: true };
const SHUTDOWN: NamesOf<ShutdownOptions> = { deadline: true, restart: true, retryAfter: true };

/**
 * Refuses options of an app that are none.
 *
 * @throws {TypeError} One that has no such name, or is no function where it has to be.
 */
export function checkApp(options: NodeOptions): void {
  refuseUnknown("make the app", options, APP);
  for (const name of FUNCTIONS) {
    if (options[name] !== undefined && typeof options[name] !== "function") {
      throw new TypeError(`Cannot make the app: ${name} is no function`);
    }
  }
}

/** Refuses options of `kick` that are none. */
export function checkKick(options: KickOptions | undefined): void {
  refuseUnknown("kick", options, KICK);
}

/** Refuses a filter of `reauthorize` that is none. */
export function checkReauthorize(filter: ReauthorizeFilter | undefined): void {
  refuseUnknown("reauthorize", filter, REAUTHORIZE);
}

/** Refuses a filter of `connections` that is none. */
export function checkConnections(filter: ConnectionFilter | undefined): void {
  refuseUnknown("look at connections", filter, CONNECTIONS);
}

/** Refuses options of `shutdown` that are none. */
export function checkShutdown(options: ShutdownOptions | undefined): void {
  refuseUnknown("shut down", options, SHUTDOWN);
}
