/**
 * What the parts of the socket conformance suite share.
 */

import { assertEquals } from "@std/assert";
import { afterEach } from "@std/testing/bdd";
import type { SendResult, Socket, SocketServerOptions } from "../../src/mod.ts";
import type { RawSocket } from "./raw.ts";
import { TestServer } from "./socket_server.ts";

/** The server of the current test. */
export interface Kit {
  server: TestServer;
  start(options?: Partial<SocketServerOptions<undefined>>): Promise<TestServer>;
}

/** Gives each test of this `describe` a server to start, and stops it afterwards. */
export function useServer(): Kit {
  let server: TestServer | undefined;
  afterEach(() => server?.stop());
  return {
    get server() {
      return server!;
    },
    set server(value) {
      server = value;
    },
    async start(options = {}) {
      return server = await TestServer.start(options);
    },
  };
}

/** An echo. */
export const echo: Partial<SocketServerOptions<undefined>> = {
  message: (socket, frame) => void socket.send(frame),
};

/** `size` bytes that differ by place and seed. */
export function pattern(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + seed) & 255;
  return bytes;
}

/** Compares by loop: `assertEquals` on a mebibyte takes seconds. */
export function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.byteLength, expected.byteLength);
  for (let i = 0; i < actual.byteLength; i++) {
    if (actual[i] !== expected[i]) assertEquals(`byte ${i}: ${actual[i]}`, `byte ${i}: ${expected[i]}`);
  }
}

/** Sends frames of 64 KiB until one is queued. */
export function fill(socket: Socket): SendResult {
  const frame = new Uint8Array(65_536);
  let result = socket.send(frame, { shared: true });
  while (result === "sent") result = socket.send(frame, { shared: true });
  return result;
}

/** Sends 16 MiB, more than the kernel takes for a peer that does not read. */
export function stuff(socket: Socket): void {
  const frame = new Uint8Array(65_536);
  for (let i = 0; i < 256; i++) socket.send(frame, { shared: true });
}

/** The payloads shorter than `below`, up to one of `until` bytes. */
export async function framesOf(
  client: RawSocket,
  { until, below }: { until: number; below: number },
): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  while (found.at(-1)?.byteLength !== until) {
    const frame = await client.next();
    if (frame === undefined) break;
    if (frame.payload.byteLength < below) found.push(frame.payload);
  }
  return found;
}
