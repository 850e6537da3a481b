/**
 * Presence: who watches sees who is there, and nobody else.
 *
 * @module
 */
import { getOr } from "./get_or.ts";
import { clientOf, wrongChange, wrongUsers } from "./presence_views.ts";
import { Register } from "./register.ts";
import type { Line, RuleCheck, Surroundings } from "./rule.ts";

type PresenceLine =
  | "enters"
  | "entered"
  | "leaves"
  | "gone"
  | "watches"
  | "view"
  | "unwatches"
  | "threshold"
  | "welcomed"
  | "closed"
  | "left"
  | "crash"
  | "calm"
  | "finish";

interface Watching {
  readonly client: string;
  readonly channel: string;
  readonly countOnly: boolean;
  readonly isPaged: boolean;
  /** When it was asked for. */
  readonly at: number;
  /** What the broker was known to have then. */
  readonly known: ReturnType<Register["known"]>;
  /** The latest word of each member that it has seen. */
  readonly seen: Map<string, number>;
  view: Line<"view"> | undefined;
  line: number;
}

/** What a client wants to be in a channel. */
interface Wanted {
  value: string | undefined;
  isAnswered: boolean;
}

/** Milliseconds after the last fault in which whoever has gone before it may still be seen: a client that vanished, and a look at the broker. */
const GHOSTS = 45_000;

/** Who reads for server code. */
const SERVER = "server";

/** Milliseconds in which a connection has told what its client wants. */
const SETTLED = 15_000;

/** Who watches sees who is there. */
export class PresenceRules implements RuleCheck<PresenceLine> {
  /** As of a `RuleCheck`. */
  readonly reads: readonly PresenceLine[] = [
    "enters",
    "entered",
    "leaves",
    "gone",
    "watches",
    "view",
    "unwatches",
    "threshold",
    "welcomed",
    "closed",
    "left",
    "crash",
    "calm",
    "finish",
  ];
  readonly #surroundings: Surroundings;
  readonly #told = new Map<string, Set<string>>();
  readonly #users = new Map<string, string | undefined>();
  readonly #register = new Register();
  readonly #wanted = new Map<string, Map<string, Wanted>>();
  readonly #watches = new Map<string, Watching>();
  readonly #thresholds = new Map<string, number>();
  readonly #crashed = new Set<string>();
  /** Which connection each client has, and since when. */
  readonly #connected = new Map<string, { readonly connection: string | undefined; readonly at: number }>();
  /** When each client came back first after the last fault. */
  readonly #returned = new Map<string, number>();
  #calmAt = Infinity;
  #finishedAt = -1;
  #end = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** As of a `RuleCheck`. */
  see(event: Line<PresenceLine>, line: number): void {
    switch (event.is) {
      case "threshold":
        return void this.#thresholds.set(event.channel, event.members);
      case "enters":
        getOr(this.#told, event.channel, () => new Set()).add(event.value);
        this.#users.set(event.client, event.user);
        this.#register.enters(event.channel, event.client);
        return this.#want(event.channel, event.client, { value: event.value, isAnswered: false });
      case "entered":
        return this.#entered(event);
      case "leaves":
        return this.#want(event.channel, event.client, { value: undefined, isAnswered: true });
      case "gone":
        if (this.#wanted.get(event.channel)?.get(event.client)?.value !== undefined) return; // it has entered again
        return this.#register.gone(event.channel, event.client);
      case "watches":
        return this.#watched(event, line);
      case "view":
        return this.#viewed(event, line);
      case "unwatches":
        return void this.#watches.delete(event.watch);
      case "welcomed":
        if (this.#calmAt !== Infinity) getOr(this.#returned, event.client, () => event.at);
        return void this.#connected.set(event.client, { connection: event.connection, at: event.at });
      case "closed":
      case "left":
        if (this.#connected.get(event.client)?.connection !== event.connection) return; // of the one before
        return void this.#connected.delete(event.client);
      case "crash":
        return void this.#crashed.add(event.client);
      case "calm":
        this.#calmAt = event.at;
        return;
      case "finish":
        this.#finishedAt = line;
        this.#end = event.at;
    }
  }

  /** As of a `RuleCheck`. */
  end(): void {
    if (this.#finishedAt < 0 || this.#calmAt === Infinity) return;
    for (const [channel, clients] of this.#wanted) {
      for (const [client, { value, isAnswered }] of clients) {
        if (!isAnswered && !this.#crashed.has(client) && this.#isSettled(client)) {
          this.#found(`${client} never heard whether it is in ${channel} as ${value}`, this.#finishedAt);
        }
      }
    }
    for (const [name, watching] of this.#watches) this.#atTheEnd(name, watching);
  }

  #want(channel: string, client: string, wanted: Wanted): void {
    getOr(this.#wanted, channel, () => new Map<string, Wanted>()).set(client, wanted);
  }

  /** Later words answer for earlier ones. */
  #entered({ channel, client, value, code }: Line<"entered">): void {
    if (code === undefined) this.#register.has(channel, value);
    const wanted = this.#wanted.get(channel)?.get(client);
    if (wanted?.value !== value) return;
    if (code === undefined) wanted.isAnswered = true;
    else this.#want(channel, client, { value: undefined, isAnswered: true });
  }

  #watched({ watch, client, channel, countOnly, isPaged = false, at }: Line<"watches">, line: number): void {
    const known = client === SERVER ? this.#register.known(channel) : new Map();
    const watching = {
      client,
      channel,
      countOnly,
      isPaged,
      at,
      known,
      seen: new Map(),
      view: undefined,
      line,
    };
    this.#watches.set(watch, watching);
  }

  #viewed(event: Line<"view">, line: number): void {
    const watching = this.#watches.get(event.watch);
    if (watching === undefined) return;
    const wrong = wrongUsers(event, (client) => this.#users.get(client)) ??
      wrongChange(event, watching.view?.members ?? []);
    if (wrong !== undefined) this.#found(`${event.watch} sees ${wrong}`, line);
    watching.view = event;
    watching.line = line;
    const { channel, seen } = watching;
    const members = new Set<string>();
    for (const value of event.members) {
      const [client, n] = value.split("@") as [string, string];
      if (!this.#told.get(channel)?.has(value)) {
        this.#found(`${event.watch} sees ${value}, who never entered`, line);
      }
      if (members.has(client)) this.#found(`${event.watch} sees ${client} twice`, line);
      members.add(client);
      if (Number(n) < (seen.get(client) ?? 0)) {
        this.#found(`${event.watch} sees ${value} after a later word of it`, line);
      }
      seen.set(client, Number(n));
      this.#ghost(watching, value, line);
    }
    if (watching.client === SERVER) this.#read(watching, event, line);
    // Of pages each is of its own moment.
    if (!watching.isPaged && event.members.length > event.count) {
      this.#found(`${event.watch} sees ${event.members.length} members of ${event.count}`, line);
    }
  }

  /** The broker answers with what it has. */
  #read({ channel, known }: Watching, { watch, members }: Line<"view">, line: number): void {
    const wrong = this.#register.wrong(channel, members, known);
    if (wrong !== undefined) this.#found(`${watch} reads ${wrong}`, line);
    for (const value of members) this.#register.has(channel, value);
  }

  /** Long after the last fault nobody is seen who was gone then. Who comes back later brings along what it had sent before: it is sent again, in order, and seen until the next of it is there. */
  #ghost({ channel, view }: Watching, value: string, line: number): void {
    const client = clientOf(value);
    const { at } = view!;
    if (at < this.#calmAt + GHOSTS || this.#live(channel).has(value)) return;
    if (at <= (this.#returned.get(client) ?? -Infinity) + SETTLED) return;
    this.#found(`${view!.watch} sees ${value}, who is not there any more (${client})`, line);
  }

  /** What the members of a channel tell. */
  #live(channel: string): Set<string> {
    const live = new Set<string>();
    for (const [client, { value }] of this.#wanted.get(channel) ?? []) {
      if (value !== undefined && !this.#crashed.has(client)) live.add(value);
    }
    return live;
  }

  #atTheEnd(name: string, { client, channel, countOnly, isPaged, at: askedAt, view }: Watching): void {
    if (this.#crashed.has(client)) return;
    const at = this.#finishedAt;
    if (view === undefined) return this.#found(`${name} was never told who is in ${channel}`, at);
    if (client !== SERVER && !this.#isSettled(client)) return;
    if (isPaged && askedAt < this.#calmAt + GHOSTS) return; // it is of that moment
    const live = this.#live(channel);
    // Who has no connection at the moment may have been taken out, and comes again.
    const settled = [...live].filter((value) => this.#isSettled(clientOf(value)));
    const { count, sample, members } = view;
    if (count > live.size || count < settled.length) {
      return this.#found(`${name} counts ${count} in ${channel}, and there are ${live.size}`, at);
    }
    if (countOnly) return;
    const most = isPaged ? Infinity : this.#thresholds.get(channel) ?? Infinity;
    if (sample ? live.size <= Math.floor(0.8 * most) : settled.length > most) {
      return this.#found(`${name} is told ${sample ? "a sample" : "all"} of ${live.size}`, at);
    }
    const strangers = members.filter((value) => !live.has(value));
    if (strangers.length > 0) this.#found(`${name} sees ${strangers.join(", ")} in ${channel}`, at);
    const missing = settled.filter((value) => !members.includes(value));
    if (!sample && missing.length > 0) {
      this.#found(`${name} does not see ${missing.join(", ")} in ${channel}`, at);
    }
  }

  /** Whether a client has had a connection for long enough to say what it wants. */
  #isSettled(client: string): boolean {
    return this.#end - (this.#connected.get(client)?.at ?? Infinity) > SETTLED;
  }

  #found(what: string, line: number): void {
    this.#surroundings.found("presence", what, line);
  }
}
