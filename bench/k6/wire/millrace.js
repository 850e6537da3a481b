// A client of Millrace for k6, written from docs/protocol.md alone: it shares nothing with the package. It has what the scripts here
// need: greeting, calls, streams of items with credit, subscriptions, heartbeat, sequence and acknowledgement, close codes. Anything else that a server
// says is a violation. Callbacks instead of promises, since k6 runs these in an interpreter.
import "./polyfill.js";
import { decode, decodeMulti, encode } from "@msgpack/msgpack";
import { bin, cursor, integer } from "./header.js";
import { Socket, Violation } from "./socket.js";
import { Subscription } from "./subscription.js";

const VERSION = 1;
const [HELLO, WELCOME, PING, PONG, ACK, GOODBYE, NAME] = [0, 1, 2, 3, 4, 5, 8];
const [CALL, RESULT, ERROR, STREAM] = [16, 17, 18, 19];
const [ITEM, END, FAIL, CREDIT, STOP] = [24, 27, 28, 29, 30];
const [SUBSCRIBE, SUBSCRIBED, PUBLICATION, SEEN] = [32, 33, 36, 39];
/** The heads of arrays: RESULT and ITEM have four elements, PUBLICATION five. */
const [ARRAY_4, ARRAY_5] = [0x94, 0x95];
const NIL = 0xc0;
/** The first credit of a stream, which needs no message, and what a unit costs at least. */
const WINDOW = 262_144;
const LEAST = 64;
/** Where {@linkcode callFrame} has the 4 bytes of the sequence and of the id. */
export const [SEQUENCE_AT, ID_AT] = [3, 8];

/** Whether a client that was closed with this code connects again. */
export function reconnects(code) {
  return (code >= 4500 && code <= 4999) || [1001, 1005, 1006, 1011, 1012, 1013].includes(code);
}

/** The value in a payload; an empty one stands for none. */
export function valueOf(payload) {
  return payload.length === 0 ? undefined : decode(payload);
}

/** A CALL whose sequence and id are 32 bits wide, so that they can be written over. @returns {ArrayBuffer} */
export function callFrame(method, payload) {
  const head = [0x96, CALL, 0xce, 0, 0, 0, 0, 0xce, 0, 0, 0, 0];
  const rest = [encode(method), [NIL], encode(payload)];
  return new Uint8Array(rest.reduce((all, part) => [...all, ...part], head)).buffer;
}

/**
 * @typedef {object} Answer  how a call ended
 * @property {string} [error]  its code
 * @property {Uint8Array} payload  a view of the frame
 */

/**
 * @typedef {object} Template  a CALL that is encoded once and sent often
 * @property {ArrayBuffer} bytes
 */

export class MillraceClient {
  #socket;
  #events;
  #welcomed = false;
  #sent = 0;
  #received = 0;
  #lastId = 0;
  /** Calls by id: what is to be told. */
  #calls = new Map();
  /** Incoming streams by number. */
  #streams = new Map();
  /** Streams with units that are not acknowledged. */
  #arrived = new Set();
  #numbers = new Map();
  /** Subscriptions: 1, 2, 3…; and by alias. */
  #subscriptions = [];
  #aliases = new Map();

  /** @param {string} url @param {import("./socket.js").Events} events */
  constructor(url, events) {
    this.#events = events;
    this.#socket = new Socket(url, ["millrace.1"], {
      open: () => this.#send([HELLO, VERSION, null, 0, encode({ agent: "k6" })]),
      frame: (data) => this.#frame(data),
      closed: (end) => {
        for (const subscription of this.#subscriptions) subscription.end();
        events.closed(end);
      },
      violated: events.violated,
    });
  }

  /** Calls that are not answered. */
  get waiting() {
    return this.#calls.size;
  }

  /** Whether WELCOME has come and the socket is open. */
  get ready() {
    return this.#welcomed && this.#socket.open;
  }

  /**
   * Calls by number where the server has announced one, else by name.
   *
   * @param {string} method
   * @param {unknown} input  `undefined` for none
   * @param {(answer: Answer) => void} answered
   */
  call(method, input, answered) {
    this.#call(method, input, { answered });
  }

  /**
   * Opens a stream of items.
   *
   * @param {string} method
   * @param {unknown} input
   * @param {{ opened?: (stream: number) => void, item: (payload: Uint8Array) => void, ended: (answer: Answer & { n: number }) => void }} reader
   */
  stream(method, input, reader) {
    this.#call(method, input, { reader });
  }

  /** Subscribes to a channel, from now on. @param {string} channel @param {import("./subscription.js").Reader} reader */
  subscribe(channel, reader) {
    const seen = (alias, offset) => this.#send([SEEN, alias, offset]);
    this.#subscriptions.push(new Subscription(reader, seen));
    this.#send([SUBSCRIBE, this.#subscriptions.length, channel, null, null]);
  }

  /** Publishes without an identity: sent again it would land again. @param {(answer: Answer) => void} answered */
  publish(channel, message, answered) {
    this.call("@publish", [channel, 0, encode(message).slice()], answered);
  }

  /** The receiver wants no more of a stream: its end still comes. */
  stop(stream) {
    this.#send([STOP, stream]);
  }

  /** Best made once the method has its number. @returns {Template} */
  template(method, input) {
    return { bytes: callFrame(this.#nameOf(method), encode(input)) };
  }

  /** Sends a template as the next call. @param {Template} template @param {(answer: Answer) => void} answered */
  callTemplate({ bytes }, answered) {
    const copy = bytes.slice(0);
    const view = new DataView(copy);
    view.setUint32(SEQUENCE_AT, ++this.#sent);
    view.setUint32(ID_AT, ++this.#lastId);
    this.#calls.set(this.#lastId, { answered });
    this.#socket.send(copy);
  }

  close(code) {
    this.#socket.close(code);
  }

  #nameOf(method) {
    return this.#numbers.has(method) ? this.#numbers.get(method) : method;
  }

  #call(method, input, waiting) {
    const payload = input === undefined ? new Uint8Array(0) : encode(input);
    this.#calls.set(++this.#lastId, waiting);
    this.#send([CALL, ++this.#sent, this.#lastId, this.#nameOf(method), null, payload]);
  }

  #send(message) {
    const { buffer, byteOffset, byteLength } = encode(message);
    this.#socket.send(buffer.slice(byteOffset, byteOffset + byteLength)); // the library gives a view of a larger buffer
  }

  /** A frame is messages back to back. */
  #frame(data) {
    if (typeof data === "string") throw new Violation("a text frame");
    const bytes = new Uint8Array(data);
    let at = 0;
    while (bytes[at] === ARRAY_4 && this.#welcomed) {
      const kind = bytes[at + 1];
      if (kind === RESULT) at = this.#result(bytes, at + 2);
      else if (kind === ITEM) at = this.#item(bytes, at + 2);
      else break;
    }
    while (bytes[at] === ARRAY_5 && bytes[at + 1] === PUBLICATION && this.#welcomed) {
      at = this.#publication(bytes, at + 2);
    }
    if (at < bytes.length) { for (const message of decodeMulti(bytes.subarray(at))) this.#message(message); }
    this.#acknowledge();
  }

  #result(bytes, at) {
    this.#inOrder(integer(bytes, at));
    const id = integer(bytes, cursor);
    const length = bin(bytes, cursor);
    const end = cursor + length;
    if (end > bytes.length) throw new Violation("RESULT is longer than its frame");
    this.#answer(id, { payload: bytes.subarray(cursor, end) });
    return end;
  }

  #item(bytes, at) {
    const stream = integer(bytes, at);
    const n = integer(bytes, cursor);
    const length = bin(bytes, cursor);
    const end = cursor + length;
    if (end > bytes.length) throw new Violation("ITEM is longer than its frame");
    this.#unit(stream, n, bytes.subarray(cursor, end));
    return end;
  }

  #publication(bytes, at) {
    const alias = integer(bytes, at);
    const offset = integer(bytes, cursor);
    integer(bytes, cursor); // the fingerprint: for who comes back
    const length = bin(bytes, cursor);
    const end = cursor + length;
    if (end > bytes.length) throw new Violation("PUBLICATION is longer than its frame");
    this.#published(alias, offset, bytes.subarray(cursor, end));
    return end;
  }

  #published(alias, offset, payload) {
    const subscription = this.#aliases.get(alias);
    if (subscription === undefined) throw new Violation(`a publication of alias ${alias}, which is none`);
    subscription.publication(offset, payload);
  }

  #subscribed(answer) {
    const subscription = this.#subscriptions[answer[0] - 1];
    if (subscription === undefined) throw new Violation(`an answer for subscription ${answer[0]}`);
    this.#aliases.set(answer[1], subscription);
    subscription.begin(answer);
  }

  #message(message) {
    if (!Array.isArray(message)) throw new Violation("a message that is no array");
    const [kind, ...rest] = message;
    if (!this.#welcomed && kind !== WELCOME) throw new Violation(`message ${kind} before WELCOME`);
    switch (kind) {
      case WELCOME:
        return this.#welcome(elements(rest, 4));
      case PING:
        elements(rest, 1);
        return this.#send([PONG, this.#received]);
      case NAME:
        return void this.#numbers.set(elements(rest, 3)[1], rest[0]);
      case ERROR:
        this.#inOrder(elements(rest, 5)[0]);
        return this.#answer(rest[1], { error: rest[2], payload: rest[4] });
      case RESULT:
        this.#inOrder(elements(rest, 3)[0]);
        return this.#answer(rest[1], { payload: rest[2] });
      case STREAM:
        return this.#open(elements(rest, 3));
      case ITEM:
        elements(rest, 3);
        return this.#unit(rest[0], rest[1], rest[2]);
      case END:
        return this.#end(elements(rest, 2), { payload: new Uint8Array(0) });
      case FAIL:
        return this.#end(elements(rest, 5), { error: rest[2], payload: rest[4] });
      case SUBSCRIBED:
        return this.#subscribed(elements(rest, 6));
      case PUBLICATION:
        return this.#published(elements(rest, 4)[0], rest[1], rest[3]);
      case ACK:
      case GOODBYE:
        return;
      default:
        if (!(kind >= 64 && kind <= 127)) throw new Violation(`message ${kind} was not expected`);
    }
  }

  #welcome([version]) {
    if (this.#welcomed) throw new Violation("a second WELCOME");
    if (version !== VERSION) throw new Violation(`version ${version}`);
    this.#welcomed = true;
    this.#events.ready();
  }

  #inOrder(sequence) {
    if (sequence !== ++this.#received) {
      throw new Violation(`sequence ${sequence} where ${this.#received} was due`);
    }
  }

  #answer(id, answer) {
    const { answered, reader } = this.#take(id);
    if (answered !== undefined) answered(answer);
    else if (answer.error === undefined) throw new Violation(`a value where call ${id} asked for a stream`);
    else reader.ended({ ...answer, n: 0 });
  }

  #open([sequence, id, stream]) {
    this.#inOrder(sequence);
    const { reader } = this.#take(id);
    if (reader === undefined) throw new Violation(`a stream where call ${id} asked for a value`);
    if (this.#streams.has(stream)) throw new Violation(`stream ${stream} is opened twice`);
    this.#streams.set(stream, { reader, n: 0, cost: 0, limit: WINDOW });
    if (reader.opened !== undefined) reader.opened(stream);
  }

  #take(id) {
    const waiting = this.#calls.get(id);
    if (waiting === undefined) throw new Violation(`an answer for call ${id}, which waits for none`);
    this.#calls.delete(id);
    return waiting;
  }

  #unit(number, n, payload) {
    const stream = this.#streams.get(number);
    if (stream === undefined) throw new Violation(`an item on stream ${number}, which is not open`);
    if (n !== ++stream.n) throw new Violation(`item ${n} of stream ${number} where ${stream.n} was due`);
    if (stream.cost >= stream.limit) throw new Violation(`an item on stream ${number} without credit`);
    stream.cost += Math.max(LEAST, payload.length);
    this.#arrived.add(number);
    stream.reader.item(payload);
  }

  #end([number, n], answer) {
    const stream = this.#streams.get(number);
    if (stream === undefined) throw new Violation(`the end of stream ${number}, which is not open`);
    if (n !== stream.n) throw new Violation(`stream ${number} ends after ${n} items, and ${stream.n} came`);
    this.#acknowledge();
    this.#streams.delete(number);
    stream.reader.ended({ ...answer, n });
  }

  /** Once for all units of a frame, in the turn in which they arrived. */
  #acknowledge() {
    for (const number of this.#arrived) {
      const stream = this.#streams.get(number);
      stream.limit = stream.cost + WINDOW;
      this.#send([CREDIT, number, stream.n, stream.limit]);
    }
    this.#arrived.clear();
  }
}

function elements(rest, count) {
  if (rest.length !== count) throw new Violation(`${rest.length} elements where ${count} belong`);
  return rest;
}
