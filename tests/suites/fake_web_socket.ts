/**
 * WebSockets of a client whose other end is the test: nothing opens, arrives or closes unless it says so.
 */
import type { WebSocketFactory, WebSocketLike } from "../../client/mod.ts";
import { encode } from "../../msgpack/mod.ts";
import { type Message, messagesOf, payload } from "./wire.ts";

type Handler = ((event: never) => unknown) | null;

/** One socket, as the browser gives it to the client, and as the server sees it. */
export class FakeWebSocket implements WebSocketLike {
  readonly url: string;
  readonly protocols: readonly string[];
  binaryType = "blob";
  bufferedAmount = 0;
  readyState = 0;
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  /** Messages of the client that the test has not looked at, payloads decoded. */
  readonly sent: unknown[][] = [];
  /** How the client closed it. */
  closedBy: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  // The client's side.

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    if (this.readyState === 1) this.sent.push(...messagesOf(frame.slice()));
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new Error("InvalidAccessError");
    }
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.closedBy = { code, reason };
  }

  // The server's side.

  /** Whether nobody has given it up. */
  get live(): boolean {
    return this.readyState < 2;
  }

  /** The handshake succeeds. */
  open(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  /** Messages of the server, in one frame. */
  receive(...messages: Message[]): void {
    if (this.readyState !== 1) return;
    const frame = new Uint8Array(messages.flatMap((message) => [...encode(message)]));
    this.onmessage?.({ data: frame.buffer } as never);
  }

  /** WELCOME. */
  welcome(options: object = {}): void {
    const told = { resumed: false, heartbeat: 15_000, grace: 8_000, ...options };
    this.receive([1, 1, new Uint8Array(16), 0, payload(told)]);
  }

  /** Opens it and says WELCOME. */
  accept(options: object = {}): void {
    this.open();
    this.welcome(options);
  }

  /** It closes, whoever wanted that. */
  drop(code = 1006, reason = ""): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (code === 1006) this.onerror?.({} as never);
    this.onclose?.({ code, reason } as never);
  }

  /** The messages of one kind, taken out. */
  take(kind: number): unknown[][] {
    const found = this.sent.filter((message) => message[0] === kind);
    const rest = this.sent.filter((message) => message[0] !== kind);
    this.sent.splice(0, Infinity, ...rest);
    return found;
  }
}

/** All sockets that one client has made. */
export class FakeNetwork {
  readonly sockets: FakeWebSocket[] = [];
  /** Set: what making a socket throws. */
  failure: Error | undefined;

  readonly webSocket: WebSocketFactory = (url, protocols) => {
    if (this.failure !== undefined) throw this.failure;
    const socket = new FakeWebSocket(url, [...protocols]);
    this.sockets.push(socket);
    return socket;
  };

  /** The newest socket. */
  get last(): FakeWebSocket {
    return this.sockets.at(-1)!;
  }

  /** How many are not given up. */
  get live(): number {
    return this.sockets.filter(({ live }) => live).length;
  }
}
