/**
 * `connect()` of a page: what it does not use at first is loaded when it does.
 *
 * @module
 */
import type { HasContract } from "../rpc/contract.ts";
import { type Client, connectWith, type Sources } from "./client.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ChannelsModule } from "./late_channels.ts";

/** What was loaded: the next client has it at once. */
let channels: ChannelsModule | undefined;

const SOURCES: Sources = {
  channels: () => channels ?? import("./channels.ts").then((module) => channels = module),
};

/**
 * Connects to an app, and again whenever the connection is lost. Returns at once: calls made before it is open wait for it.
 *
 * @typeParam App `typeof app` of the server file: types only, nothing of it is bundled.
 * @param url Of the app: `wss://example.org/rpc`; `https:` and, in a page, relative URLs are taken too.
 * @throws {TypeError} If the URL or an offered function is none.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@millrace/millrace/client";
 * import type { App } from "./app.ts";
 *
 * await using app = connect<App>("wss://example.org/rpc");
 * console.log(await app.call.add({ a: 1, b: 2 }));
 * for await (const n of app.call.countdown(3)) console.log(n);
 * ```
 */
export function connect<App extends HasContract>(
  url: string,
  options: ConnectOptions<App> = {},
): Client<App> {
  return connectWith(SOURCES, url, options);
}
