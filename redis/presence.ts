/**
 * The members of channels in Redis.
 *
 * @module
 */
import type {
  KeptMember,
  MemberChange,
  MemberData,
  MemberNews,
  MemberNode,
  PresenceAnswer,
  PresenceListener,
  PresenceLook,
  PresencePage,
  PresencePlace,
  PresencePush,
  PresenceStore,
} from "../rpc/presence_store.ts";
import { type Commands, unavailable } from "./commands.ts";
import { bytesOf, textOf } from "./entries.ts";
import { type PresenceKeys, presenceKeys } from "./keys.ts";
import type { RedisSubscriber, Reply } from "./link.ts";
import { ENTER, LEAVE, LOOK, MEMBERS } from "./presence_scripts.ts";
import type { Script } from "./scripts.ts";

/** What it is made of. */
export interface RedisPresenceParts {
  /** Where scripts run. */
  readonly commands: Pick<Commands, "run">;
  /** Where changes are told. */
  readonly subscriber: Pick<RedisSubscriber, "subscribe" | "unsubscribe">;
  /** What keys begin with. */
  readonly prefix: string;
  /** Names a life. */
  readonly newEpoch: () => string;
  /** Told of what a listener threw, and of pushes of somebody else. */
  readonly report: (error: unknown) => void;
}

/** Members in Redis. */
export class RedisPresence implements PresenceStore {
  readonly #parts: RedisPresenceParts;
  /** Who listens, by the names of pushes. */
  readonly #listeners = new Map<string, Set<PresenceListener>>();

  /** Listens to nothing yet. */
  constructor(parts: RedisPresenceParts) {
    this.#parts = parts;
  }

  /** See {@linkcode PresenceStore.change}. Who leaves does so where memory is full, too. */
  async change(
    channel: string,
    { id: node, lease }: MemberNode,
    { news, most }: { readonly news: readonly MemberNews[]; readonly most: number },
  ): Promise<PresenceAnswer> {
    const run = async (script: Script, some: readonly MemberNews[]) => {
      const told = some.flatMap(({ id, n, member }) => [id, String(n), member ? valueOf(member) : ""]);
      const reply = await this.#run(script, channel, [node, String(lease), String(most), ...told]);
      const [epoch, version, isKnown, refused] = reply as readonly [
        string,
        string,
        string,
        readonly string[],
      ];
      return { epoch, version: Number(version), isKnown: isKnown === "1", refused };
    };
    const leaving = news.filter(({ member }) => member === undefined);
    const others = news.filter(({ member }) => member !== undefined);
    const left = leaving.length === 0 ? undefined : run(LEAVE, leaving);
    const entered = others.length === 0 && left !== undefined ? undefined : run(ENTER, others);
    const answers = (await Promise.all([left, entered])).filter((one) => one !== undefined);
    return { ...answers.at(-1)!, isKnown: answers.every(({ isKnown }) => isKnown) };
  }

  /** See {@linkcode PresenceStore.look}. */
  async look(
    channel: string,
    node: MemberNode | undefined,
    known: PresencePlace | undefined,
  ): Promise<PresenceLook> {
    const reply = await this.#run(LOOK, channel, [
      node?.id ?? "",
      String(node?.lease ?? 0),
      known?.epoch ?? "",
      String(known?.version ?? ""),
    ]);
    const [epoch, version, isKnown] = reply as readonly [string, string, string];
    return { epoch, version: Number(version), isKnown: isKnown === "1" };
  }

  /** See {@linkcode PresenceStore.read}. */
  async read(
    channel: string,
    { after, limit }: { readonly after: string; readonly limit: number },
  ): Promise<PresencePage> {
    const reply = await this.#run(MEMBERS, channel, [after, String(limit)], "read");
    const [epoch, version, count, more, flat] = reply as readonly [
      string,
      string,
      string,
      string,
      readonly string[],
    ];
    const members: KeptMember[] = [];
    try {
      for (let i = 0; i < flat.length; i += 2) members.push({ id: flat[i]!, ...memberOf(flat[i + 1]!) });
    } catch (error) {
      throw unavailable("The members were written by somebody else", error);
    }
    return { epoch, version: Number(version), count: Number(count), members, more: more === "1" };
  }

  /** See {@linkcode PresenceStore.subscribe}. */
  async subscribe(channel: string, listener: PresenceListener): Promise<void> {
    const { pushes } = this.#keys(channel);
    const listeners = this.#listeners.get(pushes) ?? new Set();
    this.#listeners.set(pushes, listeners.add(listener));
    try {
      await this.#parts.subscriber.subscribe(pushes);
    } catch (error) {
      throw unavailable("Redis has confirmed no subscription", error);
    }
  }

  /** See {@linkcode PresenceStore.unsubscribe}. */
  unsubscribe(channel: string, listener: PresenceListener): void {
    const { pushes } = this.#keys(channel);
    const listeners = this.#listeners.get(pushes);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#listeners.delete(pushes);
    this.#parts.subscriber.unsubscribe(pushes);
  }

  /** A push has come. Gives whether it is of presence. */
  told(pushes: string, payload: string): boolean {
    const listeners = this.#listeners.get(pushes);
    if (listeners === undefined) return false;
    try {
      const push = readPush(payload);
      for (const listener of [...listeners]) listener.changed(push);
    } catch (error) {
      this.#parts.report(error); // somebody else publishes there
    }
    return true;
  }

  /** Pushes may be missing. */
  uncertain(): void {
    for (const listener of [...this.#listeners.values()].flatMap((all) => [...all])) listener.uncertain();
  }

  /** Listens to nothing any more. */
  close(): void {
    this.#listeners.clear();
  }

  #keys(channel: string): PresenceKeys {
    return presenceKeys(this.#parts.prefix, channel);
  }

  #run(
    script: Script,
    channel: string,
    own: readonly string[],
    kind: "key" | "read" = "key",
  ): Promise<Reply> {
    const { state, members, names, nodes, pushes } = this.#keys(channel);
    const args = [this.#parts.newEpoch(), pushes, ...own];
    return this.#parts.commands.run({ script, keys: [state, members, names, nodes], args: () => args, kind });
  }
}

/** `USER DATA`: the user with a letter in front, or `-` for none. */
function valueOf({ user, data }: MemberData): string {
  return `${user === undefined ? "-" : `u${encodeURIComponent(user)}`} ${textOf(data)}`;
}

function memberOf(value: string): MemberData {
  const [user, data, ...rest] = value.split(" ");
  if (user === undefined || data === undefined || rest.length > 0) {
    throw new Error(`Redis: "${value}" is no member`);
  }
  return { user: user === "-" ? undefined : decodeURIComponent(user.slice(1)), data: bytesOf(data) };
}

/** `p EPOCH FIRST`, and in a line of its own each `ID USER DATA`, or `ID` of who is gone. */
function readPush(payload: string): PresencePush {
  const [head, ...lines] = payload.split("\n");
  const [kind, epoch, first] = head!.split(" ");
  if (kind !== "p" || epoch === undefined || !/^\d+$/.test(first ?? "")) {
    throw new Error(`Redis: "${head}" is no change of members`);
  }
  const changes = lines.filter((line) => line !== "").map((line): MemberChange => {
    const space = line.indexOf(" ");
    if (space < 0) return { id: line, member: undefined };
    return { id: line.slice(0, space), member: memberOf(line.slice(space + 1)) };
  });
  return { epoch, first: Number(first), changes };
}
