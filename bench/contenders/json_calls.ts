// JSON RPC as one writes it by hand: `[1, id, method, input]`, or an array of them, answered with `[2, id, value]`. It checks size, method,
// id and input as Millrace does. It has no cancel, deadline, flow control, typed errors or reconnect; bytes are base64.
// The control runs it on the bare socket (json_rpc.ts); so do the contenders that are sockets and no more.
import { z } from "zod";
import { channel, type Topic } from "./json_topic.ts";
import { upload } from "./json_upload.ts";
import { items, range, reencoded, small } from "./procedures.ts";

/** Where answers go: whatever the framework gives for a connection. The same object each time: an upload is kept by it. */
export type TextSocket = { send(text: string): unknown };
type Send = (message: unknown) => void;
const procedures = new Map<unknown, { input: z.ZodType; run: (input: never) => unknown }>([
  ["echo", { input: small, run: (value) => value }],
  ["bytes", { input: z.string(), run: reencoded }],
  ["items", { input: range, run: items }],
]);

/** Takes a frame. */
export function jsonFrame(socket: TextSocket, frame: unknown, topic?: Topic): void {
  if (typeof frame !== "string" || frame.length > 1024 * 1024) return jsonMessage(socket, undefined);
  jsonMessage(socket, JSON.parse(frame), topic);
}

/** Takes what was in a frame, for those who parse it before they hand it out. */
export function jsonMessage(socket: TextSocket, message: unknown, topic?: Topic): void {
  const send: Send = (message) => void socket.send(JSON.stringify(message));
  if (!Array.isArray(message)) return send([0, 0, "not a message"]);
  if (Array.isArray(message[0])) return send(message.map((call) => answer(call, send)));
  const answered = message[0] === 1
    ? answer(message, send)
    : message[0] > 6
    ? channel(message, topic)
    : upload(socket, message);
  if (answered !== undefined) send(answered);
}

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
