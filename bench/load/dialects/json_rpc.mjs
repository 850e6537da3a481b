// The language of contenders/json_rpc.ts.
import { Buffer } from "node:buffer";
import { Batch } from "../batch.mjs";
import { frame, header, TEXT } from "../frames.mjs";
import { Dialect, inGroups } from "./dialect.mjs";

/** Ids have seven digits on the wire, so that they can be written over. */
const BASE = 1_000_000;
const DIGITS = 7;
/** Length of `[2,1000000,`. */
const BEFORE = 3 + DIGITS + 1;
const WINDOW = 256 * 1024;
const BUFFERED = 64 * 1024;
const [BRACKET, COMMA, ANSWER, ITEM, END, PIECE] = Buffer.from("[,2346");

export class JsonRpc extends Dialect {
  #size = 0;
  #upload = { id: 0, pieces: 0, acknowledged: 0, size: 0, frame: [] };

  calls(method, values, perFrame) {
    const texts = values.map((value) => Buffer.from(JSON.stringify(asJson(value))));
    this.#size = BEFORE + texts[0].length + 1;
    const frames = inGroups(texts, perFrame).map((group) => frameOfCalls(group, method));
    return { batch: new Batch(frames, patch), expected: texts };
  }

  startStream(id, range) {
    this.#send([1, BASE + id, "items", range]);
  }

  item(value) {
    return Buffer.from(JSON.stringify(value));
  }

  startUpload(id, piece) {
    const text = Buffer.from(JSON.stringify([5, BASE + id, Buffer.from(piece).toString("base64")]));
    const frame = [header(TEXT, text.length), text];
    this.#upload = { id, pieces: 0, acknowledged: 0, size: piece.length, frame };
  }

  get room() {
    const { pieces, acknowledged, size } = this.#upload;
    return (pieces - acknowledged) * size < WINDOW && this.connection.buffered < BUFFERED;
  }

  sendPiece() {
    this.#upload.pieces++;
    this.connection.writeAll(this.#upload.frame);
  }

  endUpload() {
    this.#send([5, BASE + this.#upload.id, null]);
  }

  uploaded(bytes, start, end) {
    return JSON.parse(bytes.toString("latin1", start, end));
  }

  frame(bytes, at, end) {
    if (bytes[at + 1] !== BRACKET) return this.#message(bytes, at, end);
    for (at++; at < end; at += this.#size + 1) this.#message(bytes, at, at + this.#size);
  }

  #message(bytes, at, end) {
    if (bytes[at] !== BRACKET || bytes[at + 2] !== COMMA) throw unexpected(bytes, at, end);
    switch (bytes[at + 1]) {
      case ANSWER:
        return this.onAnswer(idAt(bytes, at + 3), bytes, at + BEFORE, end - 1);
      case ITEM:
        return this.onItem(bytes, at + BEFORE, end - 1);
      case END:
        return this.onEnd();
      case PIECE:
        this.#upload.acknowledged++;
        return this.onRoom();
    }
    throw unexpected(bytes, at, end);
  }

  #send(message) {
    this.connection.write(frame(TEXT, Buffer.from(JSON.stringify(message))));
  }
}

/** One frame of calls: the call itself, or an array of them. */
function frameOfCalls(texts, method) {
  const calls = texts.map((text) => `[1,${BASE},${JSON.stringify(method)},${text}]`);
  const single = calls.length === 1;
  const body = Buffer.from(single ? calls[0] : `[${calls.join(",")}]`);
  const head = header(TEXT, body.length);
  const ids = [];
  let start = head.length + (single ? 0 : 1);
  for (const call of calls) {
    ids.push(start + "[1,".length);
    start += call.length + 1;
  }
  return { bytes: Buffer.concat([head, body]), ids };
}

function patch(bytes, at, id) {
  for (let i = at + DIGITS - 1, rest = BASE + id; i >= at; i--, rest = (rest / 10) | 0) {
    bytes[i] = 48 + rest % 10;
  }
}

function idAt(bytes, at) {
  let id = 0;
  for (let i = at; i < at + DIGITS; i++) id = id * 10 + bytes[i] - 48;
  return id - BASE;
}

function asJson(value) {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

function unexpected(bytes, at, end) {
  return new Error(`Not expected: ${bytes.toString("utf8", at, Math.min(end, at + 200))}`);
}
