/**
 * The members that are connected to this node: what each of them wants to be is kept here, and brought to the broker until that has it.
 *
 * @module
 */
import { type Asker, inTime, type NamedChannel, refusalOf } from "./channel_rules.ts";
import type { Clock } from "./clock.ts";
import { closeAdvice, CloseCode } from "./close.ts";
import { CallError } from "./errors.ts";
import { isPromise } from "./iterating.ts";
import { LatelyLeft } from "./lately_left.ts";
import type { Limits } from "./limits.ts";
import { PresenceRoom } from "./presence_room.ts";
import type { MemberData, MemberNode, PresenceStore } from "./presence_store.ts";
import { unavailable } from "./presence_unavailable.ts";
import { asRefusal } from "./subscription_refusals.ts";

/** What members need of the node. */
export interface NodeMembersParts {
  /** Time and chance; its timers end with the node. */
  readonly clock: Pick<Clock, "now" | "random"> & Pick<Clock, "setTimeout" | "clearTimeout">;
  /** Bounds. */
  readonly limits: Limits;
  /** Where members live. */
  readonly store: PresenceStore;
  /** This node. */
  readonly node: MemberNode;
  /** Tells the program of an error. Never throws. */
  readonly report: (error: unknown, channel: string) => void;
  /** There is a channel with members to look after. */
  readonly wake: () => void;
}

/** Who enters. */
export interface Entering {
  /** The session it came by. */
  readonly holder: string;
  /** The name of the member. */
  readonly id: string;
  /** Whether the session has no connection now. */
  readonly isLost: boolean;
  /** Whom rules are asked about. */
  readonly asker: Asker;
}

/** One member that is connected here. */
export interface Membership {
  readonly id: string;
  readonly channel: NamedChannel;
  /** The session that it came by last. */
  holder: string;
  /** Counts what its client has told. */
  n: number;
  member: MemberData;
  asker: Asker;
  /** Until it leaves, where its connection was lost. */
  grace: unknown;
  /** Whether a rule is asked, and whether it is to be asked again. */
  asked: "no" | "yes" | "again";
  /** Until a rule is asked again that could not say. */
  retry: unknown;
}

/** Somebody who is asked about before it enters. */
interface Question {
  readonly channel: string;
  readonly who: Entering;
  /** Set where rules may say otherwise since: whom they are asked about then. */
  again: Asker | undefined;
}

/** Closes of who was silent before, and of who may not be here any more without another token. */
const SHORT: readonly number[] = [CloseCode.SILENT, CloseCode.TOO_SLOW, CloseCode.UNAUTHENTICATED];
/** Milliseconds that these stay, at most: who was silent is gone within 30 s of its last sign of life. */
const SHORT_GRACE = 5_000;
/** Milliseconds until a rule that could not say is asked again. */
const ASK_AGAIN = 5_000;

/** All members of a node. */
export class NodeMembers {
  readonly #parts: NodeMembersParts;
  readonly #rooms = new Map<string, PresenceRoom<Membership>>();
  readonly #byHolder = new Map<string, Map<string, Membership>>();
  /** Who is asked whether it may enter, by channel and name: how often, and the latest word that it leaves. */
  readonly #entering = new Map<string, { running: number; left: number }>();
  readonly #left: LatelyLeft;
  readonly #questions = new Set<Question>();
  #ended = false;

  /** Nobody has entered. */
  constructor(parts: NodeMembersParts) {
    this.#parts = parts;
    const { clock, limits: { heartbeat, grace } } = parts;
    this.#left = new LatelyLeft(() => clock.now(), 2 * (heartbeat + grace)); // a connection that is silent for longer is closed
  }

  /** Channels that have members here. */
  get rooms(): ReadonlyMap<string, PresenceRoom<Membership>> {
    return this.#rooms;
  }

  /** Channels and names that are asked about. */
  get asking(): number {
    return this.#entering.size;
  }

  /**
   * Somebody wants to be a member, and is asked whether it may.
   *
   * @param may Gives what it is then.
   * @param signal Nobody waits for that any more: what never says so is not waited for either.
   * @returns When the broker has it; what it told before it left counts no more, and is answered all the same.
   */
  async entering(
    channel: NamedChannel,
    who: Entering,
    { n, may, signal }: {
      readonly n: number;
      readonly may: () => Promise<MemberData>;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const key = `${channel.name} ${who.id}`;
    const running = this.#entering.get(key) ?? { running: 0, left: 0 };
    this.#entering.set(key, running);
    running.running++;
    const question: Question = { channel: channel.name, who, again: undefined };
    this.#questions.add(question);
    try {
      const member = await whileWanted(may(), signal);
      if (n !== 0 && n <= Math.max(running.left, this.#left.of(key))) return;
      const entered = this.enter(channel, who, { n, member });
      this.#answeredBefore(question);
      await entered;
    } finally {
      this.#questions.delete(question);
      if (--running.running === 0) this.#entering.delete(key);
    }
  }

  /**
   * Somebody is, or tells that it is, a member: it was allowed.
   *
   * @returns When the broker has it.
   * @throws {CallError} `RESOURCE_EXHAUSTED`, `UNAVAILABLE`.
   */
  enter(
    channel: NamedChannel,
    who: Entering,
    { n, member }: { n: number; member: MemberData },
  ): Promise<void> {
    if (this.#ended) throw unavailable();
    const { id, holder, asker } = who;
    const found = this.#rooms.get(channel.name);
    let known = found?.members.get(id);
    if (known !== undefined && n > 0 && n < known.n) return found!.synced(id);
    if (known?.holder !== holder) this.#mayHold(holder);
    const room = this.#room(channel); // made for nobody else: where the broker is told nothing it would not go
    if (known === undefined) {
      known = { id, channel, holder, n, member, asker, grace: undefined, asked: "no", retry: undefined };
    } else {
      this.#release(known);
      Object.assign(known, { holder, n, member, asker });
      if (known.asked === "yes") known.asked = "again"; // what is answered to that may be older than that it may
    }
    this.#hold(known);
    this.#back(known);
    if (who.isLost) this.#loseOne(known, channel.value.presence!.grace);
    return room.put(known);
  }

  /** Somebody is a member no more, by its own word. Where it has one by another session, or another node has it, the number says that this is the later one. */
  leave(
    channel: NamedChannel,
    { id, holder }: { readonly id: string; readonly holder: string },
    n: number,
  ): Promise<void> {
    const key = `${channel.name} ${id}`;
    if (n > 0) this.#left.add(key, n);
    const entering = this.#entering.get(key);
    if (entering !== undefined) entering.left = Math.max(entering.left, n);
    const room = this.#rooms.get(channel.name);
    const known = room?.members.get(id);
    if (known === undefined) {
      return n === 0 || this.#ended ? Promise.resolve() : this.#room(channel).gone(id, n);
    }
    if (known.holder !== holder && n <= known.n) return Promise.resolve();
    if (n > 0 && n < known.n) return Promise.resolve(); // it has entered again since
    known.n = Math.max(known.n, n);
    return this.#takeOut(known);
  }

  /** The connection of a session is gone. Who may come back stays for a while; for a short one who was silent before, or comes with another token. */
  closed(holder: string, code: number): void {
    const mayComeBack = code === CloseCode.UNAUTHENTICATED || closeAdvice(code) === "reconnect";
    const isShort = SHORT.includes(code);
    for (const one of this.#of(holder)) {
      const { grace } = one.channel.value.presence!;
      if (mayComeBack) this.#loseOne(one, isShort ? Math.min(grace, SHORT_GRACE) : grace);
      else this.#takeOutLater(one);
    }
  }

  /** Another connection carries on a session: its members were never away, if they still may be. */
  back(holder: string, asker: Asker): void {
    for (const one of this.#of(holder)) this.#back(one);
    this.reauthorize(holder, asker);
  }

  /** Asks again whether the members of a session may be: of all channels, or of one. */
  reauthorize(holder: string, asker: Asker, only?: string): void {
    for (const question of this.#questions) {
      const isMeant = question.who.holder === holder && (only === undefined || question.channel === only);
      if (isMeant) question.again = asker;
    }
    for (const one of this.#of(holder)) {
      if (only !== undefined && one.channel.name !== only) continue;
      one.asker = asker;
      this.#ask(one);
    }
  }

  /** Whoever has no connection, of a subject or of all, is sent away. */
  sendAway(subject: string | undefined): void {
    for (const one of this.#lost(subject)) this.#takeOutLater(one);
  }

  /** Asks again whether those without a connection may be members. */
  reauthorizeLost(subject: string | undefined, only: string | undefined): void {
    for (const question of this.#questions) {
      const { channel, who: { isLost, asker } } = question;
      const isMeant = isLost && (subject === undefined || asker.connection.subject === subject);
      if (isMeant && (only === undefined || channel === only)) question.again = asker;
    }
    for (const one of this.#lost(subject)) {
      if (only === undefined || one.channel.name === only) this.#ask(one);
    }
  }

  /** The node stops. Who was its member is gone when its lease is over, unless another node has it by then. */
  end(): void {
    this.#ended = true;
    for (const room of this.#rooms.values()) room.end();
    for (const held of this.#byHolder.values()) {
      for (const one of held.values()) this.#stop(one);
    }
    this.#rooms.clear();
    this.#byHolder.clear();
  }

  #of(holder: string): Membership[] {
    return [...this.#byHolder.get(holder)?.values() ?? []];
  }

  #lost(subject: string | undefined): Membership[] {
    return [...this.#byHolder.values()].flatMap((held) => [...held.values()]).filter((
      { grace, member: { user } },
    ) => grace !== undefined && (subject === undefined || user === subject));
  }

  #room(channel: NamedChannel): PresenceRoom<Membership> {
    const { name } = channel;
    let room = this.#rooms.get(name);
    if (room === undefined) {
      const { clock, store, node, limits, report } = this.#parts;
      const made = room = new PresenceRoom<Membership>(name, {
        clock,
        store,
        node,
        most: limits.members,
        report: (error) => report(error, name),
        refused: (one) => this.#forget(one),
        idle: () => {
          if (this.#rooms.get(name) === made) this.#rooms.delete(name);
        },
      });
      this.#rooms.set(name, room);
      this.#parts.wake();
    }
    return room;
  }

  #mayHold(holder: string): void {
    const { memberships } = this.#parts.limits;
    if ((this.#byHolder.get(holder)?.size ?? 0) < memberships) return;
    throw new CallError("RESOURCE_EXHAUSTED", `A member of more than ${memberships} channels`, {
      ambiguous: false,
    });
  }

  #hold(one: Membership): void {
    let held = this.#byHolder.get(one.holder);
    if (held === undefined) this.#byHolder.set(one.holder, held = new Map());
    held.set(one.channel.name, one);
  }

  #release({ holder, channel }: Membership): void {
    const held = this.#byHolder.get(holder);
    if (held?.delete(channel.name) && held.size === 0) this.#byHolder.delete(holder);
  }

  #back(one: Membership): void {
    this.#parts.clock.clearTimeout(one.grace);
    one.grace = undefined;
  }

  #loseOne(one: Membership, ms: number): void {
    this.#back(one);
    one.grace = this.#parts.clock.setTimeout(() => this.#takeOutLater(one), ms);
  }

  #stop(one: Membership): void {
    this.#back(one);
    this.#parts.clock.clearTimeout(one.retry);
    one.retry = undefined;
  }

  #forget(one: Membership): void {
    this.#stop(one);
    if (this.#byHolder.get(one.holder)?.get(one.channel.name) === one) this.#release(one);
  }

  /** Nobody waits for it; the room goes on until it is done. */
  #takeOutLater(one: Membership): void {
    this.#takeOut(one).catch(() => {});
  }

  #takeOut(one: Membership): Promise<void> {
    const room = this.#rooms.get(one.channel.name);
    if (room?.members.get(one.id) !== one) return Promise.resolve();
    this.#forget(one);
    return room.remove(one);
  }

  /** It has entered by an answer that may be older than what its rule says now. */
  #answeredBefore({ channel, who, again }: Question): void {
    const one = this.#rooms.get(channel)?.members.get(who.id);
    if (again === undefined || one?.holder !== who.holder) return;
    one.asker = again;
    this.#ask(one);
  }

  /** Asks a rule. Who may not is taken out; where it cannot be said now it stays, and is asked about again. */
  #ask(one: Membership): void {
    if (one.asked !== "no") {
      one.asked = "again";
      return;
    }
    one.asked = "yes";
    const { clock, limits: { callTimeout: ms }, report } = this.#parts;
    const { channel, asker } = one;
    clock.clearTimeout(one.retry);
    const answer = refusalOf(channel.value.allow.presence, {
      channel,
      asker,
      report: (error) => report(error, channel.name),
    });
    if (!isPromise(answer)) return this.#answered(one, answer);
    const late = () => new CallError("INTERNAL");
    void inTime(answer, { clock, ms }, late).then((refusal) => this.#answered(one, refusal));
  }

  #answered(one: Membership, no: CallError | undefined): void {
    const isAgain = one.asked === "again";
    one.asked = "no";
    if (this.#rooms.get(one.channel.name)?.members.get(one.id) !== one) return;
    if (isAgain) return this.#ask(one);
    if (no === undefined) return;
    if (!asRefusal(no).retryable) return this.#takeOutLater(one);
    one.retry = this.#parts.clock.setTimeout(() => this.#ask(one), ASK_AGAIN);
  }
}

/** What a promise gives, unless nobody waits for it first. */
function whileWanted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
