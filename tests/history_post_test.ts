// The history of a channel by plain POST: `@history/<channel>`, over real requests.
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { z } from "zod";
import { CallError, channel, define } from "../mod.ts";
import { decode, encode } from "../msgpack/mod.ts";
import { AppServer } from "./suites/app_server.ts";

const { millrace } = define<{ subject: string }>().with({
  channels: {
    "board/:id": channel({ message: z.unknown(), history: { messages: 1_200 } }),
    "private/:owner": channel({
      message: z.string(),
      allow: { history: (context) => (context as { subject?: string }).subject === context.params.owner },
    }),
    closed: channel({ message: z.string(), allow: { history: false } }),
    cursors: channel({ signal: z.number() }),
  },
});

const app = millrace({
  path: "/rpc",
  procedures: {},
  authenticate: ({ token }) => {
    if (token === undefined) throw new CallError("UNAUTHENTICATED");
    return { subject: token };
  },
});

interface Page {
  readonly epoch: string;
  readonly offset: number;
  readonly fingerprint: number;
  readonly oldest: number;
  readonly more: boolean;
  readonly boundary?: number;
  readonly entries: { offset: number; fingerprint: number; at: number; data: unknown }[];
}

describe("the history by POST", () => {
  let server: AppServer<typeof app>;
  beforeAll(async () => {
    server = await AppServer.start(app, { path: "/rpc" });
    for (let n = 1; n <= 5; n++) await app.publish("board/:id", { id: "five" }, { n });
    await Promise.all(
      Array.from({ length: 1_100 }, (_, i) => app.publish("board/:id", { id: "many" }, i + 1)),
    );
    for (let n = 1; n <= 4; n++) await app.publish("board/:id", { id: "large" }, "x".repeat(100_000));
    await app.publish("private/:owner", { owner: "ada" }, "hers");
    await app.publish("closed", "kept");
    await app.publish("board/:id", { id: "a/b" }, "slash");
  });
  afterAll(() => server.stop());

  async function post(
    name: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<[number, Record<string, unknown>]> {
    const response = await server.post(name, body, { authorization: "Bearer ada", ...headers });
    return [response.status, await response.json()];
  }

  /** Reads a page; `undefined` sends no body. */
  async function page(id: string, query?: object): Promise<Page> {
    const [status, answer] = await post(`@history/board/${id}`, query && JSON.stringify(query));
    assertEquals(status, 200, JSON.stringify(answer));
    return answer as unknown as Page;
  }

  const offsets = ({ entries }: Page) => entries.map(({ offset }) => offset);

  it("begins with the newest, each message as it is, under its place and time", async () => {
    const { epoch, offset, fingerprint, oldest, more, entries } = await page("five");
    assertEquals([epoch.length, offset, oldest, more], [16, 5, 1, false]);
    assertEquals(entries.map(({ data }) => data), [5, 4, 3, 2, 1].map((n) => ({ n })));
    assertEquals(entries[0]!.fingerprint, fingerprint);
    const now = Date.now();
    for (const { at } of entries) assert(at <= now && at > now - 120_000, `${at}`);
    assertEquals(Object.keys(entries[0]!), ["offset", "fingerprint", "at", "data"]);
  });

  it("goes back page by page until there is no more", async () => {
    const found: number[][] = [];
    for (let query: object | undefined = { limit: 2 }; query !== undefined;) {
      const read: Page = await page("five", query);
      found.push(offsets(read));
      query = read.more ? { before: read.entries.at(-1)!.offset, limit: 2 } : undefined;
    }
    assertEquals(found, [[5, 4], [3, 2], [1]]);
    const before = await page("five", { before: 1 });
    assertEquals([offsets(before), before.more], [[], false]);
    assertEquals(offsets(await page("five", { before: 1_000_000 })), [5, 4, 3, 2, 1]);
  });

  it("goes forward page by page until there is no more, and says what was there before", async () => {
    const all = new Map((await page("five")).entries.map(({ offset, fingerprint }) => [offset, fingerprint]));
    const found: number[][] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const read: Page = await page("five", { after, limit: 2 });
      found.push(offsets(read));
      assertEquals(read.boundary, after === 0 ? 0 : all.get(after));
      after = read.more ? read.entries.at(-1)!.offset : undefined;
    }
    assertEquals(found, [[1, 2], [3, 4], [5]]);
    for (const after of [5, 1_000_000]) {
      const end = await page("five", { after });
      assertEquals([offsets(end), end.more, end.offset], [[], false, 5]);
    }
  });

  it("has 100 publications where nobody says how many, one at least and 1,000 at most", async () => {
    const lengths: unknown[] = [];
    for (const limit of [undefined, null, 0, 1, 1_000, 1_001, Number.MAX_SAFE_INTEGER]) {
      const { entries, more } = await page("many", { limit });
      lengths.push([limit, entries.length, more]);
    }
    assertEquals(lengths, [
      [undefined, 100, true],
      [null, 100, true],
      [0, 1, true],
      [1, 1, true],
      [1_000, 1_000, true],
      [1_001, 1_000, true],
      [Number.MAX_SAFE_INTEGER, 1_000, true],
    ]);
  });

  it("has 256 KiB at most, and goes on behind that", async () => {
    const first = await page("large");
    assertEquals([offsets(first), first.more], [[4, 3], true]);
    const rest = await page("large", { before: 3 });
    assertEquals([offsets(rest), rest.more], [[2, 1], false]);
  });

  it("of a channel to which nothing was published is empty", async () => {
    const { offset, oldest, more, entries } = await page("nothing");
    assertEquals([offset, oldest, more, entries], [0, 1, false, []]);
  });

  it("is that of the channel in the path, which is encoded once more, whatever the body names", async () => {
    assertEquals(offsets(await page("five", { channel: "board/large", limit: 1 })), [5]);
    const much = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`key ${i}`, i]));
    assertEquals(offsets(await page("five", { ...much, limit: 1 })), [5]);
    const [status, read] = await post("@history/board/a%252Fb");
    assertEquals([status, (read as unknown as Page).entries[0]!.data], [200, "slash"]);
  });

  it("is refused alike where there is no channel, no history, and no leave", async () => {
    const [status, missing] = await post("@history/nowhere");
    assertEquals([status, missing["code"], missing["retryable"]], [404, "NOT_FOUND", false]);
    for (
      const name of [
        "@history/closed",
        "@history/cursors",
        "@history/private/bob",
        "@history/",
        "@history/@board",
      ]
    ) {
      assertEquals(await post(name), [404, missing], name);
    }
    const [allowed, hers] = await post("@history/private/ada");
    assertEquals([allowed, (hers as unknown as Page).entries[0]!.data], [200, "hers"]);
    assertEquals(await post("@history/private/ada", undefined, { authorization: "Bearer bob" }), [
      404,
      missing,
    ]);
  });

  it("is refused to who does not say who it is, before the body is read", async () => {
    const response = await server.post("@history/board/five", "no JSON");
    const { code } = await response.json() as Record<string, unknown>;
    assertEquals([response.status, code], [401, "UNAUTHENTICATED"]);
  });

  it("refuses what is no query, and says what it expected", async () => {
    const wrong: [string, string][] = [
      ["[]", "Expected a map with before, after, limit or filter"],
      ['"text"', "Expected a map with before, after, limit or filter"],
      ["7", "Expected a map with before, after, limit or filter"],
      ["null", "Expected a map with before, after, limit or filter"],
      ['{"before":-1}', "Expected before that is an unsigned integer"],
      ['{"after":1.5}', "Expected after that is an unsigned integer"],
      ['{"limit":"10"}', "Expected limit that is an unsigned integer"],
      ['{"limit":1e300}', "Expected limit that is an unsigned integer"],
      ['{"before":{"offset":3}}', "Expected before that is an unsigned integer"],
      ['{"before":3,"after":1}', "Expected before or after, not both"],
    ];
    for (const [body, expected] of wrong) {
      const [status, { code, message }] = await post("@history/board/five", body);
      assertEquals([body, status, code, message], [body, 400, "BAD_INPUT", expected]);
    }
  });

  it("refuses what cannot be read, and what is neither JSON nor MessagePack", async () => {
    const packed = { "content-type": "application/msgpack" };
    const [status, { code }] = await post("@history/board/five", "{");
    assertEquals([status, code], [400, "BAD_MESSAGE"]);
    const response = await server.post("@history/board/five", Uint8Array.of(0xc1), {
      authorization: "Bearer ada",
      ...packed,
    });
    const error = decode(new Uint8Array(await response.arrayBuffer())) as { code: string };
    assertEquals([response.status, error.code], [400, "BAD_MESSAGE"]);
    const text = await server.post("@history/board/five", "{}", { "content-type": "text/plain" });
    assertEquals([text.status, await text.text() !== ""], [415, true]);
  });

  it("takes no bytes or dates for a query", async () => {
    for (const body of [new Uint8Array(1_000), new Date(0)]) {
      const response = await server.post("@history/board/five", encode(body) as Uint8Array<ArrayBuffer>, {
        authorization: "Bearer ada",
        "content-type": "application/msgpack",
      });
      const { code } = decode(new Uint8Array(await response.arrayBuffer())) as { code: string };
      assertEquals([response.status, code], [400, "BAD_INPUT"]);
    }
  });

  it("carries bytes in MessagePack, and says so where JSON is asked for", async () => {
    await app.publish("board/:id", { id: "bytes" }, Uint8Array.of(1, 2));
    const response = await server.post(
      "@history/board/bytes",
      encode({ limit: 1 }) as Uint8Array<ArrayBuffer>,
      {
        authorization: "Bearer ada",
        "content-type": "application/msgpack",
      },
    );
    const read = decode(new Uint8Array(await response.arrayBuffer())) as Page;
    assertEquals([response.status, read.entries[0]!.data], [200, Uint8Array.of(1, 2)]);
    const [status, { code }] = await post("@history/board/bytes");
    assertEquals([status, code], [400, "WRONG_SHAPE"]);
  });

  it("is that of a channel whose parameter is a step in a path, however the path is encoded", async () => {
    for (const id of [".", "..", "a/.."]) {
      await app.publish("board/:id", { id }, id);
      const { name } = app.channel("board/:id", { id });
      for (const path of [encodeURIComponent(name), name.split("/").map(encodeURIComponent).join("/")]) {
        const [status, read] = await post(`@history/${path}`);
        assertEquals([id, status, (read as unknown as Page).entries?.[0]?.data], [id, 200, id]);
      }
    }
  });

  it("carries a message of as many levels as a value may have, in both types", async () => {
    let deep: unknown = "inside";
    for (let level = 0; level < 32; level++) deep = level % 2 === 0 ? [deep] : { deep };
    await app.publish("board/:id", { id: "deep" }, deep);
    const [status, read] = await post("@history/board/deep");
    assertEquals([status, (read as unknown as Page).entries[0]!.data], [200, deep]);
    const packed = await server.post("@history/board/deep", undefined, {
      authorization: "Bearer ada",
      "content-type": "application/msgpack",
    });
    const bytes = new Uint8Array(await packed.arrayBuffer());
    assertEquals(packed.status, 200, JSON.stringify(decode(bytes, { depth: 35 })));
    assertEquals((decode(bytes, { depth: 35 }) as Page).entries[0]!.data, deep);
  });
});
