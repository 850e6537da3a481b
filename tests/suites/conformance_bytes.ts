/** Conformance: bytes, and streams of them. */
import { failure, same, truly, until } from "./check.ts";
import type { Case } from "./conformance.ts";

/** The cases. */
export const byteCases: Readonly<Record<string, Case>> = {
  "bytes go both ways": async ({ client }) => {
    const { call } = client();
    same(await call.bytes.reverse(new Uint8Array([1, 2, 3])), new Uint8Array([3, 2, 1]));
    const large = pattern(900_000);
    const back = await call.bytes.reverse(large) as Uint8Array;
    same([back.length, back[0], back.at(-1)], [large.length, large.at(-1), large[0]]);
  },

  "a stream of bytes is read as it comes": async ({ client }) => {
    const { call } = client();
    same(await call.bytes.size({ of: source(300_000, 7_000) }), 300_000);
    same(await call.bytes.size({ of: source(0, 1) }), 0);
  },

  "a stream of bytes comes back through a handler": async ({ client }) => {
    const back = await client().call.bytes.through(source(500_000, 65_536)) as ReadableStream<Uint8Array>;
    same(await read(back), hash(pattern(500_000)));
  },

  "a download is made as it is read": async ({ client }) => {
    const { call } = client();
    const { size, bytes } = await call.bytes.download(1_000_000);
    same(size, 1_000_000);
    same(await read(bytes), hash(pattern(1_000_000)));
  },

  "a download that is cancelled frees what was held": async ({ client }) => {
    const { call } = client();
    const { bytes } = await call.bytes.download(1 << 30);
    const reader = bytes.getReader();
    truly((await reader.read()).value!.length > 0, "a first piece comes");
    await reader.cancel();
    await until(async () => (await call.gauges())["streams"], 0);
  },

  "a stream that nobody reads is stopped": async ({ client }) => {
    const cancelled = Promise.withResolvers<void>();
    const of = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel: () => cancelled.resolve(),
    });
    same(await client().call.bytes.unread({ of }), "not read");
    await cancelled.promise;
  },

  "a stream that fails at its source fails at its reader": async ({ client }) => {
    let pulled = 0;
    const of = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulled++ < 3) controller.enqueue(new Uint8Array(1_000));
        else controller.error(new Error("the disk is full"));
      },
    });
    same((await failure(client().call.bytes.size({ of }))).code, "INTERNAL");
  },

  "an upload in pieces arrives whole, and small calls pass it": async ({ client }) => {
    const { call } = client();
    const size = 3_000_000;
    let passed = 0;
    const pieces = (async function* () {
      for await (const piece of source(size, 100_000)) {
        same(await call.add({ a: ++passed, b: 0 }), passed);
        yield piece;
      }
    })();
    same(await call.upload({ name: "mill.bin" }, pieces), {
      name: "mill.bin",
      size,
      hash: hash(pattern(size)).hash,
    });
  },
};

function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i & 255;
  return bytes;
}

function source(size: number, step: number): ReadableStream<Uint8Array> {
  const bytes = pattern(size);
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= size) return controller.close();
      controller.enqueue(bytes.slice(at, at += step));
    },
  });
}

function hash(bytes: Uint8Array, start = 0): { size: number; hash: number } {
  let sum = start;
  for (const byte of bytes) sum = (sum * 31 + byte) | 0;
  return { size: bytes.length, hash: sum };
}

async function read(stream: ReadableStream<Uint8Array>): Promise<{ size: number; hash: number }> {
  let found = { size: 0, hash: 0 };
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const piece = hash(next.value, found.hash);
    found = { size: found.size + piece.size, hash: piece.hash };
  }
  return found;
}
