/**
 * The client's own cost: calls and streams over a socket that is a function. The "server" writes numbers into a frame that was made before and hands
 * it back in a turn of its own, so nearly all of the time is the client's: encode, send, receive, decode, settle the promise.
 *
 * Three clients do the same: ours, one written by hand with JSON, and none (bytes go out, bytes come in, a promise is settled), which is what
 * the turns themselves cost.
 */
import { connect } from "../client/mod.ts";
import type { WebSocketLike } from "../client/mod.ts";
import { encode } from "../msgpack/mod.ts";

/** Microseconds. */
export interface Costs {
  /** Of a call, one at a time. */
  readonly single: number;
  /** Of a call, 16 in one turn. */
  readonly shared: number;
  /** Of a stream of 1,000 items, 20 in a frame. */
  readonly stream: number;
}

/** What is called: answers what it is given. */
interface Small {
  readonly n: number;
  readonly s: string;
}

interface Client {
  call(input: Small): PromiseLike<unknown>;
  items(): Promise<number>;
}

/** Takes a frame; gives the frames that answer it. */
type Server = (frame: Uint8Array) => unknown[];

const [ITEMS, PER_FRAME] = [1_000, 20];
const SMALL: Small = { n: 12_345, s: "sixteen letters." };
const ROUNDS = 7;
const ROUND_TIME = 150;

/** Runs `run` in a turn of its own: as a socket's event comes. */
const later: (run: () => void) => void = pickLater();

function pickLater(): (run: () => void) => void {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => void };
  if (setImmediate !== undefined) return (run) => void setImmediate(run);
  const { port1, port2 } = new MessageChannel();
  const due: (() => void)[] = [];
  port2.onmessage = () => due.shift()?.();
  return (run) => {
    due.push(run);
    port1.postMessage(0);
  };
}

/** A socket that is open at once, and whose other end is `server`. */
class LoopSocket implements WebSocketLike {
  binaryType = "";
  readonly bufferedAmount = 0;
  readyState = 0;
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
    later(() => {
      this.readyState = 1;
      this.onopen?.({} as never);
    });
  }

  send(frame: unknown): void {
    for (const data of this.#server(frame as Uint8Array)) later(() => this.onmessage?.({ data } as never));
  }

  close(): void {
    this.readyState = 3;
    later(() => this.onclose?.({ code: 1000, reason: "" } as never));
  }
}

/** Messages made once, each with two numbers of 32 bits to write. Every use is a fresh buffer, as sockets give one. */
class Template {
  readonly #bytes: Uint8Array;
  readonly #size: number;

  constructor(head: number[], payload: Uint8Array, count: number) {
    const one = [...head, 0xc4, payload.length, ...payload];
    this.#size = one.length;
    this.#bytes = Uint8Array.from(Array.from({ length: count }, () => one).flat());
  }

  /** `numbers` gives both numbers of message `i`. */
  make(first: number, second: number, step: readonly [number, number]): ArrayBuffer {
    const { buffer } = this.#bytes.slice();
    const view = new DataView(buffer as ArrayBuffer);
    for (let at = 3, i = 0; at < this.#bytes.length; at += this.#size, i++) {
      view.setUint32(at, first + i * step[0]);
      view.setUint32(at + 5, second + i * step[1]);
    }
    return buffer as ArrayBuffer;
  }
}

/** Ours: greets, then answers CALLs of one turn, whose ids count from 1. */
function millraceServer(perTurn: () => number): Server {
  const payload = encode(SMALL);
  const result = [0x94, 17, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0];
  const item = [0x94, 24, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0];
  const results = new Map([1, 16].map((count) => [count, new Template(result, payload, count)]));
  const itemFrame = new Template(item, payload, PER_FRAME);
  let [id, sequence, streams] = [0, 0, 0];
  const stream = (): ArrayBuffer[] => {
    const opened = encode([19, ++sequence, ++id, ++streams]).slice().buffer as ArrayBuffer;
    const frames = Array.from(
      { length: ITEMS / PER_FRAME },
      (_, i) => itemFrame.make(streams, i * PER_FRAME + 1, [0, 1]),
    );
    return [opened, ...frames, encode([27, streams, ITEMS]).slice().buffer as ArrayBuffer];
  };
  return (frame) => {
    if (frame[1] === 0) {
      const told = encode({ resumed: false, heartbeat: 1_000_000, grace: 1_000_000 });
      return [encode([1, 1, new Uint8Array(16), 0, told]).slice().buffer];
    }
    if (frame[1] !== 16) return []; // acknowledgements and credit
    const count = perTurn();
    if (count === 0) return stream();
    const answer = results.get(count)!.make(sequence + 1, id + 1, [1, 1]);
    id += count;
    sequence += count;
    return [answer];
  };
}

async function millraceClient(perTurn: () => number): Promise<Client> {
  const app = connect("ws://loop.test/", { webSocket: () => new LoopSocket(millraceServer(perTurn)) });
  await app.ready();
  const tree = app.call as unknown as {
    echo(input: Small): PromiseLike<unknown>;
    items(): AsyncIterable<Small>;
  };
  return {
    call: (input) => tree.echo(input),
    items: () => sum(tree.items()),
  };
}

async function sum(items: AsyncIterable<Small>): Promise<number> {
  let total = 0;
  for await (const { n } of items) total += n;
  return total;
}

/** What one writes by hand: `[1, id, method, input]`, all of a turn in one list, answered by `[2, id, value]`; items are `[3, id, value]`. */
function jsonClient(perTurn: () => number): Client {
  const value = JSON.stringify(SMALL);
  let answered = 0;
  const list = (count: number, text: () => string) => `[${Array.from({ length: count }, text).join(",")}]`;
  const socket = new LoopSocket(() => {
    const count = perTurn();
    if (count > 0) return [list(count, () => `[2,${++answered},${value}]`)];
    const id = ++answered;
    const frames = Array.from(
      { length: ITEMS / PER_FRAME },
      () => list(PER_FRAME, () => `[3,${id},${value}]`),
    );
    return [...frames, `[[4,${id}]]`];
  });
  const waiting = new Map<
    number,
    { resolve(value: unknown): void; item?: (value: Small | undefined) => void }
  >();
  let queue: unknown[] = [];
  let id = 0;
  const request = (method: string, input: unknown, item?: (value: Small | undefined) => void) =>
    new Promise<unknown>((resolve) => {
      waiting.set(++id, item === undefined ? { resolve } : { resolve, item });
      if (queue.push([1, id, method, input]) > 1) return;
      queueMicrotask(() => {
        const text = JSON.stringify(queue);
        queue = [];
        socket.send(text);
      });
    });
  socket.onmessage = ({ data }: { data: string }) => {
    for (const [kind, id, value] of JSON.parse(data) as [number, number, Small][]) {
      const call = waiting.get(id)!;
      if (kind === 3) call.item!(value);
      else {
        waiting.delete(id);
        call.item?.(undefined);
        call.resolve(value);
      }
    }
  };
  return {
    call: (input) => request("echo", input),
    items: () => sum(listed((item) => void request("items", undefined, item))),
  };
}

/** An iterator over what comes: a list, and who waits for more. */
async function* listed(begin: (item: (value: Small | undefined) => void) => void): AsyncGenerator<Small> {
  let [items, wake, over]: [Small[], () => void, boolean] = [[], () => {}, false];
  begin((value) => {
    if (value === undefined) over = true;
    else items.push(value);
    wake();
  });
  while (true) {
    const ready = items;
    items = [];
    yield* ready;
    if (items.length > 0) continue;
    if (over) return;
    await new Promise<void>((resolve) => wake = resolve);
  }
}

/** No client: a frame of the same turn, and its answer. */
function noClient(perTurn: () => number): Client {
  const frame = new Uint8Array(64);
  const answer = new ArrayBuffer(64);
  const socket = new LoopSocket(() =>
    perTurn() > 0 ? [answer] : Array.from({ length: ITEMS / PER_FRAME }, () => answer)
  );
  let waiting: (() => void)[] = [];
  let left = 0;
  socket.onmessage = () => {
    if (--left > 0) return;
    const all = waiting;
    waiting = [];
    for (const resolve of all) resolve();
  };
  const sent = (count: number) =>
    new Promise<void>((resolve) => {
      if (waiting.push(resolve) > 1) return;
      left = count;
      socket.send(frame);
    });
  return { call: () => sent(1), items: () => sent(ITEMS / PER_FRAME).then(() => ITEMS * SMALL.n) };
}

/** Measures all three. */
export async function measureClients(): Promise<Record<string, Costs>> {
  const found: Record<string, Costs> = {};
  const makers = { Millrace: millraceClient, "JSON by hand": jsonClient, "no client": noClient };
  for (const [name, make] of Object.entries(makers)) {
    let perTurn = 1;
    const client = await make(() => perTurn);
    const checked = await client.call(SMALL) as Small | undefined;
    if (name !== "no client" && checked?.s !== SMALL.s) {
      throw new Error(`${name} answered ${JSON.stringify(checked)}`);
    }
    const single = await cost(1, () => client.call(SMALL));
    perTurn = 16;
    const shared = await cost(16, () => Promise.all(Array.from({ length: 16 }, () => client.call(SMALL))));
    perTurn = 0;
    const stream = await cost(1, async () => {
      if (await client.items() !== ITEMS * SMALL.n) throw new Error(`${name}: not all items came`);
    });
    found[name] = { single, shared, stream };
  }
  return found;
}

/** Microseconds of each of `operations` in `run`: the middle round. */
async function cost(operations: number, run: () => PromiseLike<unknown>): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const begun = performance.now();
    let [runs, now] = [0, begun];
    for (; now - begun < ROUND_TIME; now = performance.now(), runs++) await run();
    if (round > 0) rounds.push((now - begun) * 1_000 / runs / operations); // the first warms up
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

(globalThis as { measureClients?: typeof measureClients }).measureClients = measureClients;
