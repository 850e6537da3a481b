// Looks at the frames of real clients, as the simulator does at those of its own.
import type { WebSocketFactory, WebSocketLike } from "../../../client/mod.ts";
import type { Happening } from "../../../testing/log.ts";
import type { Link } from "../../../testing/link.ts";
import { WireLog } from "../../../testing/wire_log.ts";
import type { Record } from "./record.ts";

/** What the rules here are about: questions and answers. Sessions, and how far a program is, are the simulator's. */
const KEPT: readonly Happening["is"][] = ["join", "joined"];

/** Makes the WebSockets of clients, and writes into the log what passes. */
export class Tap {
  readonly #wire: WireLog;
  #links = 0;

  /** Writes there. */
  constructor(record: Record) {
    this.#wire = new WireLog({ add: (event) => KEPT.includes(event.is) && record.add(event) });
  }

  /** For `connect`. */
  socketOf(client: string): WebSocketFactory {
    return (url, protocols) => {
      const number = ++this.#links;
      const link = { client: { name: client }, toString: () => `connection ${number}` } as unknown as Link;
      const socket = new WebSocket(url, protocols);
      // Before the client's own listener, which is set later.
      socket.addEventListener("message", ({ data }) => {
        this.#wire.arrived(link, "down", new Uint8Array(data as ArrayBuffer));
      });
      const send = socket.send.bind(socket);
      return Object.assign(socket, {
        send: (frame: Uint8Array<ArrayBuffer>) => {
          this.#wire.arrived(link, "up", frame);
          send(frame);
        },
      }) as unknown as WebSocketLike;
    };
  }
}
