/**
 * The presence of all channels of a client: what it is a member of, and what it watches.
 *
 * @module
 */
import { CallError } from "../rpc/errors.ts";
import { decodeMessage } from "../rpc/message_data.ts";
import type { MembersPage, MembersQuery } from "../rpc/member_types.ts";
import { askAgain } from "./history.ts";
import { LocalWatch } from "./local_watch.ts";
import { OwnMember } from "./own_member.ts";
import { type PresencesParts, readWatch, type WatchArguments } from "./presence_arguments.ts";
import { type PresenceConnection, WirePresence } from "./wire_presence.ts";

/** All of it. */
export class Presences {
  readonly #parts: PresencesParts;
  readonly #own = new Map<string, OwnMember>();
  readonly #wires = new Map<string, WirePresence>();
  #n = 0;
  #connection: PresenceConnection | undefined;
  #ended: CallError | undefined;

  /** Waits for a connection. */
  constructor(parts: PresencesParts) {
    this.#parts = parts;
  }

  /** There is a connection. */
  connected(connection: PresenceConnection): void {
    this.#connection = connection;
    for (const wire of [...this.#wires.values()]) wire.connected(connection);
    for (const own of [...this.#own.values()]) own.connected();
  }

  /** It is gone. */
  disconnected(): void {
    this.#connection = undefined;
    for (const wire of this.#wires.values()) wire.disconnected();
    for (const own of this.#own.values()) own.disconnected();
  }

  /** There will be none any more. */
  end(error: CallError): void {
    this.#ended = error;
    for (const wire of [...this.#wires.values()]) wire.end(error);
    for (const own of [...this.#own.values()]) own.end(error);
  }

  /** Enters, or tells something else. */
  enter(name: string, data: Uint8Array): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return this.#member(name).enter(data);
  }

  /** Tells something else. */
  update(name: string, data: Uint8Array): Promise<string> {
    if (this.#own.get(name)?.isIn) return this.enter(name, data);
    return Promise.reject(new TypeError(`Cannot update: this client is not in "${name}"`));
  }

  /** Leaves. */
  async leave(name: string): Promise<void> {
    await this.#own.get(name)?.leave();
  }

  /** Watches. */
  watch(name: string, wants: WatchArguments): LocalWatch {
    const { signal, ...wanted } = readWatch(wants);
    const wire = this.#wire(name);
    const watch = new LocalWatch(wire, wanted);
    if (signal) {
      const abort = () => watch.close();
      signal.addEventListener("abort", abort, { once: true });
      watch.onClose = () => signal.removeEventListener("abort", abort);
    }
    wire.join(watch);
    if (this.#ended !== undefined) watch.fail(this.#ended);
    else if (signal?.aborted) watch.close();
    return watch;
  }

  /** Some of the members. */
  async get(channel: string, { after, limit }: MembersQuery = {}): Promise<MembersPage<unknown>> {
    const answer = await askAgain(() => this.#parts.call("@members", { channel, after, limit }));
    const { count, members, more } = answer as Record<string, unknown>;
    if (typeof count !== "number" || !Array.isArray(members)) throw badPage();
    const page = members.map((one) => {
      const [id, user, data] = Array.isArray(one) ? one as unknown[] : [];
      if (typeof id !== "string" || !(data instanceof Uint8Array)) throw badPage();
      return { id, user: typeof user === "string" ? user : undefined, data: decodeMessage(data) };
    });
    return { count, members: page, next: more === true ? page.at(-1)?.id : undefined };
  }

  #member(name: string): OwnMember {
    let own = this.#own.get(name);
    if (own !== undefined) return own;
    const { clock, call, report } = this.#parts;
    const made = own = new OwnMember(name, {
      clock,
      call,
      report,
      next: () => ++this.#n,
      idle: () => {
        if (this.#own.get(name) === made) this.#own.delete(name);
      },
    });
    this.#own.set(name, own);
    if (this.#connection !== undefined) own.connected();
    return own;
  }

  #wire(name: string): WirePresence {
    let wire = this.#wires.get(name);
    if (wire !== undefined) return wire;
    const { clock, report, limits } = this.#parts;
    const made = wire = new WirePresence(name, {
      clock,
      report,
      decode: (data) => decodeMessage(data, limits),
      idle: () => {
        if (this.#wires.get(name) === made) this.#wires.delete(name);
      },
    });
    this.#wires.set(name, wire);
    if (this.#connection !== undefined) wire.connected(this.#connection);
    return wire;
  }
}

function badPage(): CallError {
  return new CallError("BAD_MESSAGE", "The answer is no page of members");
}
