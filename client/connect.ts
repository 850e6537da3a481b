/**
 * `connect()` of a page: what it does not use at first is loaded when it does.
 *
 * @module
 */
import type { BulkCode } from "../rpc/bulk_source.ts";
import type { HasContract } from "../rpc/contract.ts";
import { type Client, connectWith } from "./client.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ChannelsModule } from "./late_channels.ts";
import type { OffersModule, Sources } from "./late_code.ts";

/** What was loaded: the next client has it at once. */
const loaded: { channels?: ChannelsModule; bulk?: BulkCode; offers?: OffersModule } = {};

const SOURCES: Sources = {
  channels: () => loaded.channels ?? import("./channels.ts").then((module) => loaded.channels = module),
  bulk: () => loaded.bulk ?? import("../rpc/bulk_code.ts").then(({ BULK_CODE }) => loaded.bulk = BULK_CODE),
  offers: () => loaded.offers ?? import("./offers.ts").then((module) => loaded.offers = module),
};

/**
 * Connects to an app, and again whenever the connection is lost. Returns at once: calls made before it is open wait for it.
 *
 * @typeParam App `typeof app` of the server file: types only, nothing of it is bundled.
 * @param url Of the app: `wss://example.org/rpc`; `https:` and, in a page, relative URLs are taken too.
 * @throws {TypeError} If the URL, an offered function or a token that is a text is none.
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
