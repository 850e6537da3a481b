// What a client implements for the server to call. Compiled, never run.
import type { Offers } from "../../client/types.ts";
import { CallError } from "../../rpc/errors.ts";
import type { App } from "./app.ts";
import { type Equal, expect } from "./expect.ts";

export const offered: Offers<App> = {
  confirm: async (text, { signal }) => {
    expect<Equal<typeof text, string>>();
    if (signal.aborted) throw new CallError("CANCELLED");
    return await Promise.resolve(true);
  },
  screen: { size: () => ({ width: 800 }) },
  ticks: async function* (from) {
    yield from;
  },
  collect: async (_, items, { errors }) => {
    let length = 0;
    for await (const item of items) length += item.length;
    if (length > 9) throw errors.FULL(length);
    return length;
  },
};

export const wrong: Offers<App> = {
  ...offered,
  // @ts-expect-error an answer of another type
  confirm: (text) => text,
  // @ts-expect-error a missing member
  screen: {},
};

// @ts-expect-error all or nothing
export const part: Offers<App> = { confirm: () => true };
