/**
 * A real server connection and a real client, without sockets: frames go in as bytes and come out as bytes.
 */
import { connect, type HasContract } from "../../client/whole.ts";
import { Kind } from "../../rpc/kinds.ts";
import { channelProcedures } from "../../rpc/channel_procedures.ts";
import { resolveLimits } from "../../rpc/limits.ts";
import { NodeChannels } from "../../rpc/node_channels.ts";
import { ServerConnection } from "../../rpc/server_connection.ts";
import { MemoryLedger } from "../../brokers/memory_ledger.ts";
import { heartbeatRules } from "../../rpc/heartbeat.ts";
import { KeyedCalls } from "../../rpc/ledger.ts";
import { Sessions } from "../../rpc/sessions.ts";
import { fromHex, toHex } from "../msgpack_support.ts";
import { type AnyCall, FakeClient } from "./fake_client.ts";
import { FakeWebSocket } from "./fake_web_socket.ts";
import { open } from "./channel_node.ts";
import { ManualClock } from "./manual_clock.ts";
import { anything, procedure, register } from "./pair.ts";
import { ScriptedBroker } from "./scripted_broker.ts";
import { conversation } from "./vectors.ts";
import { messagesOf } from "./wire.ts";

/** The procedures of `examples/serve.ts`. */
const procedures = {
  add: procedure({ input: anything }, (input) => {
    const { a, b } = input as { a: number; b: number };
    return a + b;
  }),
  countdown: procedure.stream({ input: anything }, async function* (from) {
    for (let left = from as number; left > 0; left--) yield left;
  }),
  upload: procedure.upload({ items: anything }, async (pieces) => {
    let size = 0;
    for await (const piece of pieces) size += (piece as Uint8Array).byteLength;
    return size;
  }),
};

/** The server's end of one connection. */
export class VectorServer {
  readonly closes: [code: number, reason: string][] = [];
  readonly #connection: ServerConnection;

  constructor(
    clock: ManualClock,
    { send = () => {}, session = new Uint8Array(16) }: {
      send?: (frame: Uint8Array) => void;
      session?: Uint8Array;
    } = {},
  ) {
    const transport = {
      send,
      buffered: 0,
      close: (code: number, reason: string) => void this.closes.push([code, reason]),
    };
    const limits = resolveLimits();
    const channels = new NodeChannels({
      clock,
      limits,
      broker: new ScriptedBroker(),
      groups: [{ "board/:id": open }],
      nodeId: "node",
      report: () => {},
    });
    const library = channelProcedures({ channels, clock, limits, report: () => {} });
    this.#connection = new ServerConnection(
      {
        limits,
        channels,
        nodeId: "node",
        clock,
        heartbeat: heartbeatRules(clock, limits),
        date: () => clock.now(),
        newSession: () => session,
        keyed: new KeyedCalls({
          ledger: new MemoryLedger({ claims: 1_000, bytes: 1 << 20 }, () => clock.now(), () => {}),
          clock,
          limits,
          node: "node",
          report: () => {},
        }),
        sessions: new Sessions(clock, resolveLimits(), () => session),
        procedures: register({ ...procedures, ...Object.fromEntries(library) }),
        offered: new Map(),
        authenticate: () => ({}),
        report: () => {},
        connected: () => {},
        disconnected: () => {},
        authenticationFailed: () => {},
      },
      transport,
      {
        id: "1",
        request: { url: "", method: "GET", headers: new Headers(), address: "" },
        token: undefined,
      },
    );
  }

  /** Takes a frame, which is its own from now on. */
  receive(frame: Uint8Array): void {
    this.#connection.receive(frame);
  }

  /** The socket has closed. */
  end(): void {
    this.#connection.closed(1000, "");
  }
}

/** Gives a server frames; how it closed after each, if it did. */
export async function serverCloses(frames: readonly Uint8Array[]): Promise<(number | undefined)[]> {
  const clock = new ManualClock();
  const server = new VectorServer(clock);
  const found: (number | undefined)[] = [];
  for (const frame of frames) {
    server.receive(frame);
    await clock.settle();
    found.push(server.closes[0]?.[0]);
  }
  server.end();
  return found;
}

/** Gives a server frames; what it answers, as `answered` of the vectors tells it, and how it closed, if it did. */
export async function serverAnswers(
  frames: readonly Uint8Array[],
): Promise<{ answers: unknown[][]; closes: readonly unknown[] }> {
  const clock = new ManualClock();
  const answers: unknown[][] = [];
  const server = new VectorServer(clock, {
    send: (frame) => {
      for (const [kind, ...elements] of messagesOf(frame.slice())) {
        const answer = shown.get(kind as number)?.(elements);
        if (answer !== undefined) answers.push(answer);
      }
    },
  });
  for (const frame of frames) {
    server.receive(frame);
    await clock.settle();
  }
  server.end();
  return { answers, closes: server.closes };
}

/** The elements of an answer that do not depend on who answers. */
const shown = new Map<number, (elements: readonly unknown[]) => unknown[]>([
  [Kind.RESULT, ([, id, value]) => ["RESULT", id, value]],
  [Kind.ERROR, ([, id, code, flags]) => ["ERROR", id, code, flags]],
  [Kind.STREAM, ([, id, stream]) => ["STREAM", id, stream]],
  [Kind.END, ([stream, n]) => ["END", stream, n]],
  [Kind.FAIL, ([stream, n, code, flags]) => ["FAIL", stream, n, code, flags]],
  [Kind.STOP, ([stream]) => ["STOP", stream]],
  [Kind.SUBSCRIBED, ([sub, alias, status, , offset]) => ["SUBSCRIBED", sub, alias, status, offset]],
  [Kind.UNSUBSCRIBED, ([sub, code, flags]) => ["UNSUBSCRIBED", sub, code, flags]],
  [Kind.PUBLICATION, ([alias, offset, , value]) => ["PUBLICATION", alias, offset, value]],
]);

/** Gives a client that has made so many calls frames; how it closed after each, if it did. */
export async function clientCloses(
  frames: readonly Uint8Array[],
  { calls }: { calls: number },
): Promise<(number | undefined)[]> {
  const fake = new FakeClient();
  for (let i = 0; i < calls; i++) fake.call["add"]!({ a: 1, b: 2 }).then(() => {}, () => {});
  await fake.clock.settle();
  const { socket } = fake;
  socket.open();
  await fake.clock.settle();
  const found: (number | undefined)[] = [];
  for (const frame of frames) {
    socket.onmessage?.({ data: frame.slice().buffer } as never);
    await fake.clock.settle();
    found.push(socket.closedBy?.code);
  }
  await fake.close();
  return found;
}

/** One frame that was sent. */
export interface Said {
  readonly from: "client" | "server";
  readonly hex: string;
}

/** Lets a client and a server have the conversation at the end of `docs/protocol.md`. */
export async function converse(): Promise<{ said: Said[]; results: unknown[] }> {
  const clock = new ManualClock();
  const said: Said[] = [];
  const carry = (from: Said["from"], frame: Uint8Array, deliver: (copy: Uint8Array<ArrayBuffer>) => void) => {
    const copy = Uint8Array.from(frame);
    said.push({ from, hex: toHex(copy) });
    clock.immediate(() => deliver(copy));
  };
  const session = conversation.flatMap(({ messages }) => messages).find(({ kind }) => kind === "WELCOME")!;
  const socket = new (class extends FakeWebSocket {
    override send(frame: Uint8Array<ArrayBuffer>): void {
      carry("client", frame, (copy) => server.receive(copy));
    }
  })("ws://mill.test/", []);
  const server = new VectorServer(clock, {
    session: fromHex(session.fields.session!),
    send: (frame) =>
      carry("server", frame, (copy) => void socket.onmessage?.({ data: copy.buffer } as never)),
  });
  const client = connect<HasContract>("ws://mill.test/", {
    clock,
    webSocket: () => socket,
    randomBytes: (length) => new Uint8Array(length).map((_, i) => i),
  });
  const results = await talk(client.call as unknown as AnyCall, { clock, socket });
  const closed = client.close();
  socket.drop(1000);
  server.end();
  await clock.settle();
  await closed;
  return { said, results };
}

async function talk(
  call: AnyCall,
  { clock, socket }: { clock: ManualClock; socket: FakeWebSocket },
): Promise<unknown[]> {
  const results: unknown[] = [];
  const put = (value: unknown): void => void results.push(value);
  call["add"]!({ a: 1, b: 2 }).then(put);
  await clock.settle();
  socket.open();
  await clock.settle();
  const items = (async () => {
    for await (const item of call["countdown"]!(3, { timeout: 5_000 })) put(item);
  })();
  await clock.settle();
  await items;
  await clock.advance(15_000);
  call["add"]!({ a: 40, b: 2 }).then(put);
  await clock.settle();
  return results;
}
