// The RPC of json_rpc.ts in MessagePack, as one writes it by hand with `@msgpack/msgpack`: the same messages and checks, and bytes are bytes.
import { Decoder, Encoder } from "@msgpack/msgpack";
import { z } from "zod";
import { native, type NativeSocket } from "./native.ts";
import { items, range, small } from "./procedures.ts";
import type { Served } from "./sockets.ts";

type Send = (message: unknown) => void;
const [encoder, decoder] = [new Encoder(), new Decoder()];
const uploads = new WeakMap<NativeSocket, number>();
const bytes = z.instanceof(Uint8Array);
const procedures = new Map<unknown, { input: z.ZodType; run: (input: never) => unknown }>([
  ["echo", { input: small, run: (value) => value }],
  ["bytes", { input: bytes, run: (value) => value }],
  ["items", { input: range, run: items }],
]);

const app: Served = native((socket, frame) => {
  const send: Send = (message) => void socket.send(encoder.encodeSharedRef(message));
  if (typeof frame === "string" || frame.byteLength > 1024 * 1024) return send([0, 0, "not a message"]);
  const message = decoder.decode(frame);
  if (!Array.isArray(message)) return send([0, 0, "not a message"]);
  if (Array.isArray(message[0])) return send(message.map((call) => answer(call, send)));
  const answered = message[0] === 1 ? answer(message, send) : upload(socket, message);
  if (answered !== undefined) send(answered);
});
export default app;

function answer([kind, id, method, input]: unknown[], send: Send): unknown {
  if (kind !== 1 || !Number.isSafeInteger(id) || (id as number) < 1) return [0, 0, "not a call"];
  const procedure = procedures.get(method);
  if (procedure === undefined) return [0, id, "no such method"];
  const { success, data } = procedure.input.safeParse(input);
  if (!success) return [0, id, "bad input"];
  const value = procedure.run(data as never);
  if (typeof value !== "object" || value === null || !(Symbol.asyncIterator in value)) return [2, id, value];
  return void stream(id, value as AsyncIterable<unknown>, send);
}

async function stream(id: unknown, source: AsyncIterable<unknown>, send: Send): Promise<void> {
  for await (const item of source) send([3, id, item]);
  send([4, id]);
}

function upload(socket: NativeSocket, [kind, id, piece]: unknown[]): unknown {
  if (kind !== 5 || !Number.isSafeInteger(id)) return [0, 0, "not a piece"];
  const size = uploads.get(socket) ?? 0;
  uploads.set(socket, piece === null ? 0 : size + bytes.parse(piece).length);
  return piece === null ? [2, id, size] : [6, id];
}
