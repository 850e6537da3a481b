// A WebSocket of k6 with the two things that all wires need: what a handler throws ends the connection with a reason instead of
// passing in silence, and the end is told once.
import { WebSocket } from "k6/websockets";

/** What a peer does that is against its protocol. */
export class Violation extends Error {}

/**
 * @typedef {object} Events
 * @property {() => void} ready  calls may be made and are answered
 * @property {(end: { code: number, reason: string, opened: boolean }) => void} closed  told once, whatever happened
 * @property {(reason: string) => void} violated  the peer broke its protocol; `closed` follows
 */

export class Socket {
  #socket;
  #opened = false;
  #over = false;

  /**
   * @param {string} url
   * @param {string[]} protocols
   * @param {Events & { open?: () => void, frame: (data: string | ArrayBuffer) => void }} events
   */
  constructor(url, protocols, { open, frame, closed, violated }) {
    const socket = protocols.length === 0 ? new WebSocket(url) : new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const guarded = (run) => {
      try {
        run();
      } catch (error) {
        violated(String(error.message || error));
        this.close(4400);
      }
    };
    const end = (code, reason) => {
      if (this.#over) return;
      this.#over = true;
      closed({ code, reason, opened: this.#opened });
    };
    socket.onopen = () => {
      this.#opened = true;
      if (open !== undefined) guarded(open);
    };
    socket.onmessage = ({ data }) => {
      if (!this.#over) guarded(() => frame(data));
    };
    socket.onclose = ({ code, reason }) => end(code || 1006, reason || "");
    socket.onerror = ({ error }) => end(1006, String(error));
  }

  /** Whether frames can be sent. */
  get open() {
    return this.#opened && !this.#over;
  }

  /** k6 keeps the buffer until it is written: give it one that is used for nothing else, and exactly as long as the frame. */
  send(frame) {
    if (this.open) this.#socket.send(frame);
  }

  /** `closed` follows when the peer has answered. */
  close(code = 1000) {
    if (this.open) this.#socket.close(code);
  }
}
