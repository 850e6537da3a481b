/**
 * The client with all of its code at once: the same as `./client`, which loads the code of channels when it is used. For service workers, where
 * nothing can be loaded later, and for programs that want to have all of it before they lose the network.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@millrace/millrace/client/whole";
 * import type { App } from "./app.ts";
 *
 * await using app = connect<App>("wss://example.org/rpc");
 * console.log(await app.call.add({ a: 1, b: 2 }));
 * ```
 *
 * @module
 */
import { BULK_CODE } from "../rpc/bulk_code.ts";
import type { HasContract } from "../rpc/contract.ts";
import * as channels from "./channels.ts";
import { type Client, connectWith } from "./client.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { Sources } from "./late_code.ts";
import * as offers from "./offers.ts";

export * from "./mod.ts";

const SOURCES: Sources = { channels, bulk: BULK_CODE, offers };

/**
 * Connects to an app as `connect` of `./client` does.
 *
 * @typeParam App `typeof app` of the server file: types only, nothing of it is bundled.
 * @param url Of the app: `wss://example.org/rpc`; `https:` and, in a page, relative URLs are taken too.
 * @throws {TypeError} If the URL or an offered function is none.
 */
export function connect<App extends HasContract>(
  url: string,
  options: ConnectOptions<App> = {},
): Client<App> {
  return connectWith(SOURCES, url, options);
}
