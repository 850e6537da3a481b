import { decode, defaultLimits, skip } from "../../../msgpack/mod.ts";
import { print } from "./values.ts";

/** A part of a message: which bytes, what they are called, what they say. */
export interface Part {
  /** As in `docs/protocol.md`. */
  readonly name: string;
  /** The bytes; the caller's own. */
  readonly bytes: Uint8Array;
  /** What they say. */
  readonly says: string;
}

/** A message taken apart. */
export interface Taken {
  /** Its kind: `CALL`. */
  readonly kind: string;
  /** Its header in a few words. */
  readonly summary: string;
  /** All its bytes, in order. */
  readonly parts: readonly Part[];
}

/** The elements after the kind; the last of most is the payload. The table of `docs/protocol.md`. */
const ELEMENTS: Readonly<Record<number, string>> = {
  0: "HELLO version session received payload",
  1: "WELCOME version session received payload",
  2: "PING received",
  3: "PONG received",
  4: "ACK received",
  5: "GOODBYE code retryAfter payload",
  6: "TOKEN payload",
  7: "EXPIRES remaining",
  8: "NAME number name",
  9: "FRAGMENT seq group remaining bytes",
  16: "CALL seq id method options payload",
  17: "RESULT seq id payload",
  18: "ERROR seq id code flags payload",
  19: "STREAM seq id stream",
  20: "CANCEL seq id",
  24: "ITEM stream n payload",
  25: "PIECE stream n bytes",
  26: "PART stream n remaining bytes",
  27: "END stream n",
  28: "FAIL stream n code flags payload",
  29: "CREDIT stream n limit",
  30: "STOP stream",
};

/** Takes a frame apart into its messages. @throws {DecodeError} when it holds none */
export function takeApart(frame: Uint8Array): Taken[] {
  const messages: Taken[] = [];
  for (let at = 0; at < frame.byteLength;) {
    const end = after(frame, at);
    messages.push(takeMessage(frame.subarray(at, end)));
    at = end;
  }
  return messages;
}

function takeMessage(message: Uint8Array): Taken {
  const start = arrayHeader(message[0] ?? 0);
  const kind = Number(decode(message.subarray(start, after(message, start))));
  const [name = `kind ${kind}`, ...names] = ELEMENTS[kind]?.split(" ") ?? [];
  const parts: Part[] = [{
    name: "array",
    bytes: message.subarray(0, start),
    says: `${names.length + 1} elements`,
  }];
  let at = start;
  for (const element of ["kind", ...names]) {
    if (at >= message.byteLength) break;
    const end = after(message, at);
    parts.push(...takeElement(element, message.subarray(at, end), name));
    at = end;
  }
  const header = parts.slice(2).filter(({ name }) =>
    name !== "payload" && name !== "bytes" && name !== "value"
  );
  return { kind: name, summary: header.map(({ name, says }) => `${name} ${says}`).join(" · "), parts };
}

function takeElement(name: string, bytes: Uint8Array, kind: string): Part[] {
  if (name === "kind") return [{ name, bytes, says: kind }];
  if (name !== "payload" && name !== "bytes") return [{ name, bytes, says: oneLine(decoded(bytes)) }];
  const inner = bytes.subarray(binHeader(bytes[0] ?? 0));
  const header: Part = {
    name,
    bytes: bytes.subarray(0, bytes.byteLength - inner.byteLength),
    says: `bin of ${inner.byteLength}`,
  };
  if (inner.byteLength === 0) return [header];
  return [header, {
    name: "value",
    bytes: inner,
    says: name === "bytes" ? "bytes as they are" : print(decoded(inner)),
  }];
}

function after(bytes: Uint8Array, at: number): number {
  return skip(bytes, at, bytes.byteLength, defaultLimits);
}

function decoded(bytes: Uint8Array): unknown {
  return decode(bytes, {
    extension: (_, data) => ({ $stream: new DataView(data.buffer, data.byteOffset).getUint32(0) }),
  });
}

function oneLine(value: unknown): string {
  return typeof value === "string" ? `“${value}”` : print(value).replaceAll(/\s+/g, " ");
}

function arrayHeader(first: number): number {
  return first === 0xdc ? 3 : first === 0xdd ? 5 : 1;
}

function binHeader(first: number): number {
  return first === 0xc4 ? 2 : first === 0xc5 ? 3 : 5;
}
