// The wires of the contenders, as throughput.js drives them: each sends the same small message, one call a frame, and checks each answer. They
// are what the contender's own client would send; see the servers in bench/contenders/.
import "./polyfill.js";
import { encode } from "@msgpack/msgpack";
import { callFrame, ID_AT, MillraceClient, SEQUENCE_AT } from "./millrace.js";
import { Socket, Violation } from "./socket.js";
import { asText, isSame } from "./values.js";

/**
 * @typedef {object} Wire  a connection with calls of `echo`; `new (url, values, events)`
 * @property {(answered: (correct: boolean) => void) => void} call  with the next of the values
 * @property {() => void} close
 */

/** Millrace: the first call is by name, which teaches the number; the others are templates. */
class Millrace {
  #client;
  #templates = [];
  #expected;
  #next = 0;

  constructor(url, values, events) {
    this.#expected = values.map((value) => asText(encode(value)));
    const ready = () => this.#client.call("echo", values[0], () => this.#learned(values, events));
    this.#client = new MillraceClient(url, { ...events, ready });
  }

  #learned(values, { ready }) {
    this.#templates = values.map((value) => this.#client.template("echo", value));
    ready();
  }

  call(answered) {
    const variant = this.#next++ % this.#templates.length;
    this.#client.callTemplate(
      this.#templates[variant],
      ({ error, payload }) => answered(error === undefined && asText(payload) === this.#expected[variant]),
    );
  }

  close() {
    this.#client.close();
  }
}

/** What the wires below share: ids, and the calls that wait. */
class Wire {
  socket;
  values;
  events;
  #lastId = 0;
  #waiting = new Map();

  constructor(url, values, events) {
    this.values = values;
    this.events = events;
    this.socket = new Socket(url, [], {
      ...events,
      open: () => this.opened(),
      frame: (data) => this.frame(data),
    });
  }

  opened() {
    this.events.ready();
  }

  call(answered) {
    const id = ++this.#lastId;
    this.#waiting.set(id, answered);
    this.send(id, id % this.values.length);
  }

  /** Settles a call with its answer. */
  settle(id, isCorrect) {
    const answered = this.#waiting.get(id);
    if (answered === undefined) throw new Violation(`an answer for call ${id}, which waits for none`);
    this.#waiting.delete(id);
    answered(isCorrect(id % this.values.length));
  }

  /** Settles a call with a decoded value. */
  settleValue(id, value) {
    this.settle(id, (variant) => isSame(value, this.values[variant]));
  }

  close() {
    this.socket.close();
  }
}

/** The bare echo gets Millrace's frames, and gives them back. */
class Echo extends Wire {
  #frames;
  /** What each frame ends with: the payload, and where it begins. */
  #payloads;

  constructor(url, values, events) {
    super(url, values, events);
    const payloads = values.map((value) => encode(value));
    this.#frames = payloads.map((payload) => callFrame(1, payload));
    this.#payloads = payloads.map((payload, i) => ({
      text: asText(payload),
      start: this.#frames[i].byteLength - payload.length,
    }));
  }

  send(id, variant) {
    const copy = this.#frames[variant].slice(0);
    const view = new DataView(copy);
    view.setUint32(SEQUENCE_AT, id);
    view.setUint32(ID_AT, id);
    this.socket.send(copy);
  }

  frame(data) {
    const id = new DataView(data).getUint32(ID_AT);
    this.settle(id, (variant) => {
      const { text, start } = this.#payloads[variant];
      return data.byteLength === this.#frames[variant].byteLength &&
        asText(new Uint8Array(data, start)) === text;
    });
  }
}

/** bench/contenders/json_rpc.ts: `[1, id, method, input]`, answered with `[2, id, value]`. */
class JsonRpc extends Wire {
  send(id, variant) {
    this.socket.send(JSON.stringify([1, id, "echo", this.values[variant]]));
  }

  frame(data) {
    const [kind, id, value] = JSON.parse(data);
    if (kind !== 2) throw new Violation(`not an answer: ${data.slice(0, 200)}`);
    this.settleValue(id, value);
  }
}

/** Socket.IO over Engine.IO: `42`, an id and an event; `43`, the id and the arguments of the acknowledgement. */
class SocketIo extends Wire {
  opened() {} // ready once the namespace has answered

  send(id, variant) {
    this.socket.send(`42${id}${JSON.stringify(["echo", this.values[variant]])}`);
  }

  frame(data) {
    if (data.startsWith("43")) {
      const arguments_ = data.indexOf("[");
      return this.settleValue(Number(data.slice(2, arguments_)), JSON.parse(data.slice(arguments_))[0]);
    }
    if (data[0] === "0") return this.socket.send("40"); // Engine.IO is open: join the namespace
    if (data === "2") return this.socket.send("3"); // its heartbeat
    if (data.startsWith("40")) return this.events.ready();
    throw new Violation(`not an answer: ${data.slice(0, 200)}`);
  }
}

/** Cap'n Web: its client pushes a call and pulls its value in frames of their own, and releases the value when it has come. */
class CapnWeb extends Wire {
  send(id, variant) {
    this.socket.send(JSON.stringify(["push", ["pipeline", 0, ["echo"], [this.values[variant]]]]));
    this.socket.send(JSON.stringify(["pull", id]));
  }

  frame(data) {
    const [kind, id, value] = JSON.parse(data);
    if (kind !== "resolve") throw new Violation(`not an answer: ${data.slice(0, 200)}`);
    this.socket.send(JSON.stringify(["release", id, 1]));
    this.settleValue(id, value);
  }
}

/** By the `wire` of a contender (../contenders.mjs). */
export const wires = {
  millrace: Millrace,
  echo: Echo,
  json: JsonRpc,
  socketio: SocketIo,
  capnweb: CapnWeb,
};
