import { app } from "./connection.ts";

let own: string | undefined;

/** What the server knows this page by, for all to know: asked for once. */
export async function visitor(): Promise<string> {
  return own ??= await app.call.inbox.mine();
}
