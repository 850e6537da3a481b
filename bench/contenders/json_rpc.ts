// JSON RPC as one writes it by hand: `[1, id, method, input]`, or an array of them, answered with `[2, id, value]`. It checks size, method,
// id and input as Millrace does. It has no cancel, deadline, flow control, typed errors or reconnect; bytes are base64.
import { z } from "zod";
import { native, type NativeSocket, type Served } from "./native.ts";
import { items, range, small } from "./procedures.ts";

type Send = (message: unknown) => void;
const uploads = new WeakMap<NativeSocket, number>();
const procedures = new Map<unknown, { input: z.ZodType; run: (input: never) => unknown }>([
  ["echo", { input: small, run: (value) => value }],
  ["bytes", { input: z.string(), run: (text) => Uint8Array.fromBase64(text).toBase64() }],
  ["items", { input: range, run: items }],
]);

const app: Served = native((socket, frame) => {
  const send: Send = (message) => void socket.send(JSON.stringify(message));
  if (typeof frame !== "string" || frame.length > 1024 * 1024) return send([0, 0, "not a message"]);
  const message: unknown = JSON.parse(frame);
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
  uploads.set(socket, piece === null ? 0 : size + Uint8Array.fromBase64(z.string().parse(piece)).length);
  return piece === null ? [2, id, size] : [6, id];
}
