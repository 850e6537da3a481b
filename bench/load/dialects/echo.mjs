// The bare echo: Millrace's frames come back as they were sent.
import { Buffer } from "node:buffer";
import { encode } from "@msgpack/msgpack";
import { Batch } from "../batch.mjs";
import { BINARY, frame, header } from "../frames.mjs";
import { Dialect, inGroups } from "./dialect.mjs";
import { frameOfCalls, headOfCall, ID, patch } from "./millrace.mjs";

/** What contenders/echo.ts says. */
const ITEM = Buffer.alloc(35, 0x2e);
const DONE = 1;
/** Unacknowledged bytes of an upload: as much as Millrace gives credit for. */
const WINDOW = 256 * 1024;
const BUFFERED = 64 * 1024;

export class Echo extends Dialect {
  #size = 0;
  #payload = 0;
  #streaming = false;
  #upload = { id: 0, pieces: 0, acknowledged: 0, size: 0, frame: [], ended: false };

  calls(_method, values, perFrame) {
    const payloads = values.map((value) => Buffer.from(encode(value)));
    this.#payload = payloads[0].length;
    this.#size = headOfCall(this.#payload, 0).length + this.#payload;
    const frames = inGroups(payloads, perFrame).map((group) => frameOfCalls(group, 0));
    return { batch: new Batch(frames, patch), expected: payloads };
  }

  startStream(_id, { count }) {
    this.#streaming = true;
    const request = Buffer.alloc(4);
    request.writeUInt32BE(count);
    this.connection.write(frame(BINARY, request));
  }

  item() {
    return ITEM;
  }

  startUpload(id, piece) {
    const frame = [header(BINARY, piece.length), piece];
    this.#upload = { id, pieces: 0, acknowledged: 0, size: piece.length, frame, ended: false };
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
    this.#upload.ended = true;
    this.#acknowledged(0);
  }

  frame(bytes, at, end) {
    if (end - at === DONE) return this.#done();
    if (this.#streaming) return this.onItem(bytes, at, end);
    for (; at < end; at += this.#size) {
      const stop = at + this.#size;
      this.onAnswer(bytes.readUInt32BE(at + ID), bytes, stop - this.#payload, stop);
    }
  }

  #done() {
    if (!this.#streaming) return this.#acknowledged(1);
    this.#streaming = false;
    this.onEnd();
  }

  #acknowledged(count) {
    const upload = this.#upload;
    upload.acknowledged += count;
    if (upload.ended && upload.acknowledged === upload.pieces) {
      this.onAnswer(upload.id, Buffer.alloc(0), 0, 0);
    } else this.onRoom();
  }
}
