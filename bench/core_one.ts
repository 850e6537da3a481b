// Nanoseconds of one small call through the whole server in memory: the runtime's adapter, the connection, the protocol core, zod, the
// handler and the answer, with a socket that throws frames away. Beside it the hand-written JSON RPC on the same socket.
//   deno run -A bench/core.ts        bun bench/core.ts
// The best of several rounds is printed: what the code costs when nothing else has the core.
import { Buffer } from "node:buffer";
import process from "node:process";
import { encode } from "@msgpack/msgpack";

const ROUNDS = 12;
const TURNS = 20_000;

/** What `setImmediate` was given: turns of the event loop end when the benchmark says so. */
const immediates: (() => void)[] = [];
Object.assign(globalThis, { setImmediate: (run: () => void) => void immediates.push(run) });

/** How frames come in, and how many bytes went out. */
interface Wire {
  receive(frame: string | Uint8Array<ArrayBuffer>): void;
  sent: number;
  frames: number;
}

interface Served {
  fetch(request: Request, info: unknown): unknown;
  readonly websocket: object;
}

/** Opens one connection to a contender through a runtime that is not there. */
function open(app: Served, text: boolean): Wire {
  return "Bun" in globalThis ? openOnBun(app) : openOnDeno(app, text);
}

function openOnBun(app: Served): Wire {
  const wire: Wire = { sent: 0, frames: 0, receive: () => {} };
  const take = (frame: { length: number }) => {
    wire.frames++;
    wire.sent += frame.length;
    return frame.length;
  };
  const websocket = app.websocket as Record<string, (...args: unknown[]) => void>;
  const socket = {
    data: undefined as unknown,
    readyState: 1,
    binaryType: "",
    remoteAddress: "",
    send: take,
    sendBinary: take,
    getBufferedAmount: () => 0,
    close: () => {},
    terminate: () => {},
  };
  const server = {
    upgrade(_request: Request, options?: { data: unknown }) {
      socket.data = options?.data;
      websocket.open?.(socket);
      return true;
    },
    requestIP: () => ({ address: "127.0.0.1" }),
  };
  app.fetch(handshake(), server);
  wire.receive = (frame) => websocket.message!(socket, frame);
  return wire;
}

function openOnDeno(app: Served, text: boolean): Wire {
  const wire: Wire = { sent: 0, frames: 0, receive: () => {} };
  const socket = denoSockets.at(-1)!;
  void socket;
  app.fetch(handshake(), { remoteAddr: { hostname: "127.0.0.1" } });
  const opened = denoSockets.at(-1)!;
  opened.send = (frame: string | Uint8Array) => {
    wire.frames++;
    wire.sent += frame.length;
  };
  opened.onopen?.();
  const event = { data: undefined as unknown };
  wire.receive = (frame) => {
    event.data = text ? frame : (frame as Uint8Array).buffer;
    opened.onmessage!(event);
  };
  return wire;
}

interface FakeSocket {
  readyState: number;
  bufferedAmount: number;
  binaryType: string;
  onopen?: () => void;
  onmessage?: (event: { data: unknown }) => void;
  send(frame: string | Uint8Array): void;
  close(code: number, reason: string): void;
}

const denoSockets: FakeSocket[] = [{} as FakeSocket];
if ("Deno" in globalThis) {
  const deno = (globalThis as unknown as { Deno: Record<string, unknown> }).Deno;
  const upgradeWebSocket = () => {
    const socket: FakeSocket = {
      readyState: 1,
      bufferedAmount: 0,
      binaryType: "",
      send() {},
      close: () => {},
    };
    denoSockets.push(socket);
    return { socket, response: new Response(null) };
  };
  Object.defineProperty(deno, "upgradeWebSocket", { value: upgradeWebSocket });
}

function handshake(): Request {
  return new Request("http://localhost/", {
    headers: {
      host: "localhost",
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "bWlsbHJhY2UgYmVuY2htYQ==",
    },
  });
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
const values = Array.from({ length: 64 }, (_, i) => ({ n: 1_000_000 + i * 37, s: letters.slice(i % 20, i % 20 + 16) }));

function exact(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
    for (const run of immediates.splice(0)) run();
  }
}

/** A turn: some frames, then what waits for the end of the turn. */
function turn(wire: Wire, frames: (string | Uint8Array<ArrayBuffer>)[]): void {
  for (const frame of frames) wire.receive(frame);
  while (immediates.length > 0) immediates.pop()!();
}

/** Best nanoseconds for one call. */
function best(calls: number, one: () => void): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < TURNS; i++) one();
    least = Math.min(least, (performance.now() - start) * 1e6 / (TURNS * calls));
  }
  return least;
}

async function millrace(perFrame: number, frames: number): Promise<number> {
  const { app } = await import("./contenders/millrace.ts");
  const wire = open(app as unknown as Served, false);
  wire.receive(exact(encode([0, 1, null, 0, Buffer.from(encode({ agent: "bench" }))])));
  await settle();
  wire.receive(exact(encode([16, 1, 1, "echo", null, Buffer.from(encode(values[0]))])));
  await settle();
  let id = 1;
  const heads = values.map((value) => {
    const payload = encode(value);
    return Buffer.concat([Buffer.from([0x96, 16, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0, 1, 0xc0, 0xc4, payload.length]), payload]);
  });
  // A frame is the receiver's own: fresh bytes for each, as the runtimes give them. What that costs is subtracted.
  const fresh = (i: number): Uint8Array<ArrayBuffer> => {
    const parts = [];
    for (let k = 0; k < perFrame; k++) parts.push(heads[(i + k) % heads.length]!);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const frame = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      frame.set(part, at);
      id++;
      for (const place of [at + 3, at + 8]) {
        frame[place] = id >>> 24;
        frame[place + 1] = id >>> 16;
        frame[place + 2] = id >>> 8;
        frame[place + 3] = id;
      }
      at += part.length;
    }
    return frame;
  };
  let n = 0;
  const make = () => Array.from({ length: frames }, () => fresh(n++));
  const bare = best(perFrame * frames, () => void make());
  const from = { frames: wire.frames, sent: wire.sent, id };
  id = 1;
  const all = best(perFrame * frames, () => turn(wire, make()));
  const calls = id - 1;
  const bytes = (wire.sent - from.sent) / calls;
  console.log(`  frames out ${((wire.frames - from.frames) / calls).toFixed(4)} a call, ${bytes.toFixed(1)} B a call, making frames ${bare.toFixed(0)} ns`);
  return all - bare;
}

async function json(perFrame: number, frames: number): Promise<number> {
  const { default: app } = await import("./contenders/json_rpc.ts");
  const wire = open(app as unknown as Served, true);
  let id = 1;
  let n = 0;
  const fresh = () => {
    const calls = Array.from({ length: perFrame }, () => `[1,${1_000_000 + id++},"echo",${texts[n++ % texts.length]}]`);
    return perFrame === 1 ? calls[0]! : `[${calls.join(",")}]`;
  };
  const texts = values.map((value) => JSON.stringify(value));
  const make = () => Array.from({ length: frames }, fresh);
  const bare = best(perFrame * frames, () => void make());
  const all = best(perFrame * frames, () => turn(wire, make()));
  return all - bare;
}

for (const [name, perFrame, frames] of [["16 frames a turn", 1, 16]] as const) {
  console.log(name);
  console.log(`  millrace ${(await millrace(perFrame, frames)).toFixed(0)} ns`);
  
}
process.exit();
