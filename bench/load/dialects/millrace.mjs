// Millrace's protocol, version 1, as docs/protocol.md has it: written from that page, and using nothing of ours.
import { Buffer } from "node:buffer";
import { decode, encode } from "@msgpack/msgpack";
import { Batch } from "../batch.mjs";
import { BINARY, frame, header } from "../frames.mjs";
import { Dialect, inGroups } from "./dialect.mjs";
import { bin, cursor, integer, message } from "./msgpack.mjs";

/** The first credit of a stream, and what a unit costs at least. */
const WINDOW = 256 * 1024;
const LEAST = 64;
/** What may wait in our own socket before another piece is sent. */
const BUFFERED = 64 * 1024;
/** Where a CALL of ours has the 4 bytes of its id. */
export const ID = 8;

export class Millrace extends Dialect {
  #numbers = new Map();
  #received = 0;
  #acknowledge = false;
  #welcomed = () => {};
  #learned = () => {};
  #groups = new Map();
  #stream = { id: 0, n: 0, cost: 0, due: false };
  #streams = 0;
  #upload = { stream: 0, n: 0, cost: 0, limit: 0, piece: Buffer.alloc(0) };

  /** Greets, and calls once by name so that the number of the method is known. */
  async open(method) {
    const welcomed = new Promise((resolve) => this.#welcomed = resolve);
    this.#send([0, 1, null, 0, encode({ agent: "bench" })]);
    await welcomed;
    if (method === undefined) return;
    const learned = new Promise((resolve) => this.#learned = resolve);
    const input = method === "bytes" ? new Uint8Array(1) : { n: 1, s: "" };
    this.#send([16, 1, 1, method, null, encode(input)]);
    await learned;
    this.firstId = 2;
  }

  calls(method, values, perFrame) {
    const payloads = values.map((value) => Buffer.from(encode(value)));
    const number = this.#numbers.get(method) ?? 0;
    const frames = inGroups(payloads, perFrame).map((group) => frameOfCalls(group, number));
    return { batch: new Batch(frames, patch), expected: payloads };
  }

  startStream(id, range) {
    this.#send([16, id, id, this.#numbers.get("items") ?? "items", null, encode(range)]);
  }

  item(value) {
    return Buffer.from(encode(value));
  }

  startUpload(id, piece) {
    const stream = ++this.#streams;
    const payload = Buffer.from([0xd6, 1, 0, 0, 0, stream]); // extension 1: the number of a byte stream
    this.#upload = { stream, n: 0, cost: 0, limit: WINDOW, piece };
    this.#send([16, id, id, this.#numbers.get("upload") ?? "upload", null, payload]);
  }

  get room() {
    return this.#upload.cost < this.#upload.limit && this.connection.buffered < BUFFERED;
  }

  sendPiece() {
    const { stream, piece } = this.#upload;
    const message = encode([25, stream, ++this.#upload.n, 0]); // the piece takes the place of the 0
    const head = Buffer.concat([message.subarray(0, -1), sizeOf(piece.length)]);
    this.#upload.cost += piece.length;
    this.connection.writeAll([Buffer.concat([header(BINARY, head.length + piece.length), head]), piece]);
  }

  endUpload() {
    this.#send([27, this.#upload.stream, this.#upload.n]);
  }

  uploaded(bytes, start, end) {
    return decode(bytes.subarray(start, end));
  }

  turn() {
    if (this.#acknowledge) this.#send([4, this.#received]);
    this.#acknowledge = false;
    this.#credit();
  }

  #credit() {
    const { id, n, cost, due } = this.#stream;
    if (due) this.#send([29, id, n, cost + WINDOW]);
    this.#stream.due = false;
  }

  frame(bytes, at, end) {
    while (at < end) {
      const kind = bytes[at + 1];
      if (kind === 17) at = this.#result(bytes, at + 2);
      else if (kind === 24) at = this.#item(bytes, at + 2);
      else at = this.#other(bytes, at);
    }
  }

  #send(elements) {
    this.connection.write(frame(BINARY, encode(elements)));
  }

  #result(bytes, at) {
    this.#received = integer(bytes, at);
    const id = integer(bytes, cursor);
    const length = bin(bytes, cursor);
    const start = cursor;
    if (id === 1) this.#learned();
    else this.onAnswer(id, bytes, start, start + length);
    return start + length;
  }

  #item(bytes, at) {
    const stream = this.#stream;
    const id = integer(bytes, at);
    const n = integer(bytes, cursor);
    const length = bin(bytes, cursor);
    const start = cursor;
    if (id !== stream.id || n !== stream.n + 1) {
      throw new Error(`Item ${n} of stream ${id} after ${stream.n}`);
    }
    stream.n = n;
    stream.cost += Math.max(LEAST, length);
    stream.due = true;
    this.onItem(bytes, start, start + length);
    return start + length;
  }

  #other(bytes, at) {
    const elements = message(bytes, at);
    const end = cursor;
    this.#act(elements);
    return end;
  }

  #act([kind, ...rest]) {
    switch (kind) {
      case 1: // WELCOME
        return this.#welcomed();
      case 2: // PING
        return this.#send([3, this.#received]);
      case 8: // NAME: number, name
        return this.#numbers.set(rest[1], rest[0]);
      case 9: // FRAGMENT
        return this.#fragment(rest);
      case 19: // STREAM: seq, id, stream
        this.#received = rest[0];
        this.#stream = { id: rest[2], n: 0, cost: 0, due: false };
        return;
      case 27: // END
        this.#credit(); // units that came with it are acknowledged as well
        return this.onEnd();
      case 29: // CREDIT: stream, n, limit
        if (rest[0] === this.#upload.stream) this.#upload.limit = rest[2];
        return this.onRoom();
      case 18: // ERROR: seq, id, code, flags, payload
        throw new Error(`Call ${rest[1]} failed: ${rest[2]} ${JSON.stringify(decode(rest[4]))}`);
      default:
        throw new Error(`Message ${kind} was not expected`);
    }
  }

  /** A large answer in parts; the sequence inside is ignored. */
  #fragment([seq, group, remaining, payload]) {
    const parts = this.#groups.get(group) ?? [];
    this.#groups.set(group, parts);
    parts.push(Buffer.from(payload));
    if (remaining === 0) {
      const whole = Buffer.concat(parts);
      this.#groups.delete(group);
      this.frame(whole, 0, whole.length);
    }
    this.#received = seq;
    this.#acknowledge = true;
  }
}

/** One frame of CALLs. Sequence and id are 32 bits wide, so that they can be written over. */
export function frameOfCalls(payloads, number) {
  const messages = payloads.map((payload) => Buffer.concat([headOfCall(payload.length, number), payload]));
  const body = Buffer.concat(messages);
  const head = header(BINARY, body.length);
  const ids = [];
  let start = head.length;
  for (const message of messages) {
    ids.push(start + ID);
    start += message.length;
  }
  return { bytes: Buffer.concat([head, body]), ids };
}

/** CALL without options, up to its payload. */
export function headOfCall(length, number) {
  const head = Buffer.from([0x96, 16, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0, number, 0xc0]);
  return Buffer.concat([head, sizeOf(length)]);
}

/** Writes an id and the same number as its sequence: only calls have one here. */
export function patch(bytes, at, id) {
  for (const to of [at - 5, at]) bytes.writeUInt32BE(id, to);
}

/** The header of a bin. */
function sizeOf(length) {
  const bytes = Buffer.from([0xc6, 0, 0, 0, 0]);
  if (length < 256) return Buffer.from([0xc4, length]);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}
