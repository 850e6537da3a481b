/**
 * What every client finds on every server: cases as functions of a URL, so that any runtime can run them against any
 * other, in process or over processes. No test framework: only what Node, Bun, Deno and a browser all have.
 */
import { type Client, connect, type ConnectOptions } from "../../client/mod.ts";
import { byteCases } from "./conformance_bytes.ts";
import { callCases } from "./conformance_calls.ts";
import { lifeCases } from "./conformance_life.ts";
import { streamCases } from "./conformance_streams.ts";
import type { App } from "./conformance_app.ts";

/** What a case is given. */
export interface Given {
  /** A client that closes when the case ends; by default one that is nobody and offers nothing. */
  client(options?: ConnectOptions<App>): Client<App>;
  /** `http://host:port/rpc`. */
  readonly url: string;
  /** A name that no other case has. */
  readonly ticket: string;
}

/** One case. Throws when it fails. */
export type Case = (given: Given) => Promise<void>;

/** All cases by name. */
export const cases: Readonly<Record<string, Case>> = {
  ...callCases,
  ...streamCases,
  ...byteCases,
  ...lifeCases,
};

/** Runs one case, and closes its clients. */
export async function runCase(run: Case, url: string): Promise<void> {
  const clients: Client<App>[] = [];
  const given: Given = {
    url,
    ticket: crypto.randomUUID(),
    client(options = {}) {
      const client = connect<App>(url, { onError: () => {}, ...options });
      clients.push(client);
      return client;
    },
  };
  try {
    await run(given);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}
