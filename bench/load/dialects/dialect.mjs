// What a workload asks of a contender's language. One object speaks it on one connection.

/** The parts that languages share; what they do not have throws. */
export class Dialect {
  /** Called with `(id, bytes, start, end)` for each answer: where its value lies. */
  onAnswer = () => {};
  /** Called with `(bytes, start, end)` for each item of a stream. */
  onItem = () => {};
  /** Called when a stream has ended. */
  onEnd = () => {};
  /** Called when more of an upload may be sent. */
  onRoom = () => {};
  /** Called after all that one read brought. */
  onTurn = () => {};

  /** The first id that calls may have once it is open; they go on by 1. */
  firstId = 1;

  constructor(connection) {
    this.connection = connection;
    connection.onFrame = (bytes, start, end) => this.frame(bytes, start, end);
    connection.onTurn = () => {
      this.turn();
      this.onTurn();
    };
    connection.onDrain = () => this.onRoom();
  }

  /** Does what comes before the first call of `method`. */
  async open(_method) {}

  /** Reads one frame. */
  frame(_bytes, _start, _end) {
    throw this.#lacks("frames");
  }

  /** Sends what became due while frames were read. */
  turn() {}

  /** Encodes calls: a {@linkcode Batch} of `frames` frames with `perFrame` each, and the bytes that each answer must have. */
  calls(_method, _values, _perFrame) {
    throw this.#lacks("calls");
  }

  /** Asks for a stream of `range.count` items. */
  startStream(_id, _range) {
    throw this.#lacks("streams");
  }

  /** The bytes that an item must have. */
  item(_value) {
    throw this.#lacks("streams");
  }

  /** Begins an upload; its result is the answer to `id`. */
  startUpload(_id, _piece) {
    throw this.#lacks("uploads");
  }

  /** Whether a piece of the upload may be sent now. */
  get room() {
    return false;
  }

  /** Sends one piece. */
  sendPiece() {
    throw this.#lacks("uploads");
  }

  /** Says that the upload is complete. */
  endUpload() {
    throw this.#lacks("uploads");
  }

  /** The number that the answer to an upload holds; `undefined` where the language has none. */
  uploaded(_bytes, _start, _end) {
    return undefined;
  }

  #lacks(what) {
    return new Error(`${this.constructor.name} has no ${what}`);
  }
}

/** Takes `size` at a time. */
export function inGroups(list, size) {
  return Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
}
