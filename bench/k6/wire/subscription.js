// What a client of Millrace keeps of a channel that it is subscribed to, and what it holds the server to: docs/protocol.md, Channels.
import { Violation } from "./socket.js";

/** A client says what it has seen at the latest when it has so many publications, or bytes of them, or after so many ms: well before it must. */
const [SEEN_AT, SEEN_BYTES, SEEN_AFTER] = [200, 200 * 1024, 2_000];

/**
 * @typedef {object} Reader
 * @property {() => void} subscribed
 * @property {(payload: Uint8Array, offset: number) => void} published
 */

export class Subscription {
  alias;
  #reader;
  #seen;
  #offset = 0;
  #acknowledged = 0;
  #bytes = 0;
  #timer;

  /** @param {Reader} reader @param {(alias: number, offset: number) => void} seen  sends SEEN */
  constructor(reader, seen) {
    this.#reader = reader;
    this.#seen = seen;
  }

  /** SUBSCRIBED: fresh, since no position was named. Any other says that publications were lost. */
  begin([, alias, status, , offset]) {
    if (status !== 0 || this.alias !== undefined) throw new Violation(`a subscription with status ${status}`);
    this.alias = alias;
    this.#offset = this.#acknowledged = offset;
    this.#reader.subscribed();
  }

  publication(offset, payload) {
    if (offset !== this.#offset + 1) {
      throw new Violation(`publication ${offset} where ${this.#offset + 1} was due`);
    }
    this.#offset = offset;
    this.#bytes += payload.length;
    this.#reader.published(payload, offset);
    if (offset - this.#acknowledged >= SEEN_AT || this.#bytes >= SEEN_BYTES) this.#acknowledge();
    else this.#timer ??= setTimeout(() => this.#acknowledge(), SEEN_AFTER);
  }

  /** The connection is over: k6 waits for timers. */
  end() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #acknowledge() {
    this.end();
    if (this.#acknowledged === this.#offset) return;
    this.#acknowledged = this.#offset;
    this.#bytes = 0;
    this.#seen(this.alias, this.#offset);
  }
}
