/**
 * Reads one message of presence after its kind and hands it on: see `dispatch_channels.ts`.
 *
 * @module
 */
import { Kind } from "./kinds.ts";
import type { Limits } from "./limits.ts";
import { asMap } from "./options.ts";
import type { PresencePlace } from "./presence_store.ts";
import { ProtocolError } from "./protocol_error.ts";
import { offset, payloadEnd, payloadStart, readBin, readName, readUint, readValue } from "./reader.ts";
import type { Unit } from "./receiver.ts";
import { isUint } from "./uint.ts";

/** WATCH as read. */
export interface Watch {
  /** The client's number for it. */
  readonly watch: number;
  /** The name. */
  readonly channel: string;
  /** Whether numbers are enough. */
  readonly isCounting: boolean;
  /** Where the client is: it knows everybody as of then. */
  readonly place: PresencePlace | undefined;
}

/** The presence of one connection: of a server the first two members, of a client the others. */
export interface PresenceEvents {
  /** WATCH. */
  watch?(watch: Watch): void;
  /** UNWATCH. */
  unwatch?(watch: number): void;
  /** WATCHED. Alias 0: it is refused, or over. */
  watched?(watch: number, alias: number, unit: Unit): void;
  /** PRESENCE. */
  presence?(alias: number, unit: Unit): void;
}

/** What happens to presence. `frame` is what the reader reads. */
export function dispatchPresence(
  kind: number,
  frame: Uint8Array,
  limits: Limits,
  to: Required<PresenceEvents>,
): number {
  if (kind === Kind.WATCH) return watch(limits, to); // [46, watch, channel, options]
  if (kind === Kind.UNWATCH) { // [49, watch]
    const number = readUint("watch");
    const end = offset();
    to.unwatch(number);
    return end;
  }
  const number = kind === Kind.WATCHED ? readUint("watch") : 0; // [47, watch, alias, payload], [48, alias, payload]
  const alias = readUint("alias");
  readBin("payload");
  const end = offset();
  const unit = { bytes: frame, start: payloadStart, end: payloadEnd };
  if (kind === Kind.WATCHED) to.watched(number, alias, unit);
  else to.presence(alias, unit);
  return end;
}

function watch(limits: Limits, to: Required<PresenceEvents>): number {
  const number = readUint("watch");
  const channel = readName("channel", limits);
  const given = readValue(limits);
  const options = given === null ? {} : asMap(given, "options");
  const end = offset();
  to.watch({
    watch: number,
    channel,
    isCounting: options["count"] === true,
    place: placeOf(options["position"]),
  });
  return end;
}

function placeOf(given: unknown): PresencePlace | undefined {
  if (given === undefined || given === null) return undefined;
  const [epoch, version] = Array.isArray(given) ? given as unknown[] : [];
  if (typeof epoch !== "string" || epoch === "" || !isUint(version)) {
    throw new ProtocolError("position must be [epoch, version]");
  }
  return { epoch, version };
}
