/**
 * Calls in process, and calls by `POST`: a connection without a network. Both ends are the real ones, so that nothing about
 * a call depends on the way it came: copies instead of shared objects, the same checks, limits and errors.
 *
 * @module
 */
import { BULK } from "./bulk_code.ts";
import { Callee } from "./callee.ts";
import type { CalledPeer } from "./callee_parts.ts";
import type { CallerConnection } from "./context.ts";
import { CallError } from "./errors.ts";
import { peerLimits } from "./limits.ts";
import { writeHello, writeWelcome } from "./messages.ts";
import type { AnswerCheck, CallRequest } from "./outgoing_call.ts";
import { OutgoingCall } from "./outgoing_call.ts";
import { Peer } from "./peer.ts";
import type { ServerParts } from "./server_parts.ts";
import type { Transport } from "./transport.ts";

/** Who calls. */
export interface LocalIdentity {
  /** What handlers see of the connection. */
  readonly connection: CallerConnection;
  /** What handlers get beside. */
  readonly context: object;
}

/** Makes calls without a network. */
export class LocalCaller {
  readonly #server: Peer;
  readonly #client: Peer;

  /** Ready at once: both ends have greeted each other. */
  constructor(parts: ServerParts, identity: LocalIdentity) {
    this.#server = this.#makePeer("server", parts, identity);
    this.#client = this.#makePeer("client", parts, identity);
    this.#client.send(() => writeHello(undefined, 0, {}));
    this.#client.outbox.flush();
    this.#server.outbox.flush();
  }

  /** Calls in flight. */
  get inFlight(): number {
    return this.#server.callee.inFlight;
  }

  /** Makes a call. */
  call(request: CallRequest, answer?: AnswerCheck): OutgoingCall {
    const call = new OutgoingCall(request, answer);
    this.#client.call(call, this.#client.deadlineAfter(request.options.timeout));
    return call;
  }

  /** Ends both ends; calls in flight end with `error`. */
  end(error: CallError = new CallError("CLOSED")): void {
    this.#server.end(error);
    this.#client.end(error);
  }

  #makePeer(role: "server" | "client", parts: ServerParts, { connection, context }: LocalIdentity): Peer {
    const other = (): Peer => role === "server" ? this.#client : this.#server;
    const accepted = peerLimits(parts.limits);
    const hello = () => {
      peer.outbox.peer = accepted;
      peer.send(() => writeWelcome(parts.newSession(), 0, {}));
    };
    const events = role === "server" ? { hello } : { welcome: () => peer.outbox.welcomed(accepted) };
    const limits = { ...parts.limits, messageRate: Infinity, byteRate: Infinity, cancelRate: Infinity };
    const { clock, channels, keyed } = parts;
    const procedures = role === "server" ? parts.procedures : new Map();
    const given = { connection, context: () => context, offered: noClient };
    const makeCallee = (of: CalledPeer) =>
      new Callee({ clock, limits, procedures, channels, keyed, ...given }, of);
    const peer: Peer = new Peer({
      role,
      clock,
      transport: loopback(other),
      limits,
      owner: { makeCallee, bulk: BULK },
      events: {
        ...events,
        fault: (error) => {
          parts.report(error, { connection });
          this.end(new CallError("INTERNAL", undefined, { cause: error }));
        },
        failed: (error, call) => parts.report(error, { connection, procedure: call.registered.name }),
      },
    });
    return peer;
  }
}

function loopback(other: () => Peer): Transport {
  // The receiver keeps views of a frame; the sender's buffer is used again.
  return { send: (frame) => other().receive(frame.slice()), buffered: 0, close: () => {} };
}

function noClient(): never {
  throw new CallError("UNAVAILABLE", "The call came without a connection: there is no client to call");
}
