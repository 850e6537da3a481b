/**
 * The presence of one client: what it enters with, and what it sees of others.
 */
import type { Client } from "../../client/client.ts";
import type { PresenceView, PresenceWatch } from "../../client/presence_types.ts";
import { CallError } from "../../rpc/errors.ts";
import type { Member, MembersPage } from "../../rpc/member_types.ts";
import type { Random } from "../../testing/random.ts";
import type { Recorder } from "../../testing/recorder.ts";
import type { ScenarioApp } from "./app.ts";
import { isForNow } from "./subscriber.ts";

/** Channels with presence. */
export const DESKS = ["desk/1", "desk/2"] as const;

/** Something that a client does about presence. */
export type PresenceDeed =
  /** Enters, or tells something else. */
  | { readonly do: "enter"; readonly channel: string }
  /** Tells something else, so often at once, if it is in. */
  | { readonly do: "update"; readonly channel: string; readonly times: number }
  | { readonly do: "leave desk"; readonly channel: string }
  | {
    readonly do: "watch";
    readonly channel: string;
    readonly iterates: boolean;
    readonly countOnly: boolean;
  }
  | { readonly do: "unwatch"; readonly channel: string };

/** Something about presence. */
export function presenceDeed(random: Random): PresenceDeed {
  const channel = random.pick(DESKS);
  const what = random.weighted({ enter: 6, update: 4, "leave desk": 4, watch: 4, unwatch: 2 });
  if (what === "update") return { do: what, channel, times: 1 + random.below(4) };
  if (what !== "watch") return { do: what, channel };
  return { do: what, channel, iterates: random.chance(0.3), countOnly: random.chance(0.2) };
}

/** What it needs. */
export interface MemberParts {
  /** The name of the client. */
  readonly name: string;
  /** Whom it signs in as, if it does. */
  readonly user: string | undefined;
  /** What it does before it reads the next view, where it reads views. */
  readonly wait: () => Promise<void>;
  /** The client. */
  readonly client: Client<ScenarioApp>;
  /** Writes the log. */
  readonly recorder: Pick<Recorder, "add">;
}

/** What a member tells of itself. */
export interface Told {
  /** Different each time. */
  readonly value: string;
}

type View = PresenceView<Told>;

interface Watching {
  readonly name: string;
  readonly channel: string;
  readonly watch: PresenceWatch<Told>;
}

/** The presence of one client. */
export class ScenarioMember {
  readonly #parts: MemberParts;
  readonly #watches: Watching[] = [];
  /** Where it wants to be, as far as nobody has refused it. */
  readonly #in = new Set<string>();
  #values = 0;
  #names = 0;

  /** It is nowhere. */
  constructor(parts: MemberParts) {
    this.#parts = parts;
  }

  /** Does it. */
  act(deed: PresenceDeed): void {
    const { channel } = deed;
    switch (deed.do) {
      case "enter":
        return this.#tell("enter", channel);
      case "update":
        for (let n = this.#in.has(channel) ? deed.times : 0; n > 0; n--) this.#tell("update", channel);
        return;
      case "leave desk":
        return this.#leave(channel);
      case "watch":
        return this.#watch(channel, deed);
      case "unwatch":
        return this.#unwatch(channel);
    }
  }

  /** Asks who is in each channel, page by page. */
  read(): void {
    for (const channel of DESKS) void this.#read(channel).catch(() => {});
  }

  async #read(channel: string): Promise<void> {
    const { name: client, recorder } = this.#parts;
    const watch = `${client}%${++this.#names}`;
    const { count, members } = await allPages((after) => this.#presence(channel).get({ after, limit: 1 }));
    recorder.add({ is: "watches", client, channel, watch, countOnly: false, isPaged: true });
    recorder.add({ is: "view", watch, count, sample: false, ...seen(members) });
  }

  #tell(how: "enter" | "update", channel: string): void {
    const { name: client, user, recorder } = this.#parts;
    const value = `${client}@${++this.#values}`;
    recorder.add({ is: "enters", client, user, channel, value });
    this.#in.add(channel);
    this.#presence(channel)[how]({ value }).then(
      () => recorder.add({ is: "entered", client, channel, value }),
      (error) => {
        this.#in.delete(channel);
        if (!(error instanceof CallError)) recorder.add({ is: "escaped", error: `${how}: ${error}` });
        else recorder.add({ is: "entered", client, channel, value, code: error.code });
      },
    );
  }

  #leave(channel: string): void {
    const { name: client, recorder } = this.#parts;
    const wasIn = this.#in.delete(channel);
    recorder.add({ is: "leaves", client, channel });
    this.#presence(channel).leave().then(() => {
      if (wasIn) recorder.add({ is: "gone", client, channel });
    }, (error) => {
      if (!(error instanceof CallError)) recorder.add({ is: "escaped", error: `leave: ${error}` });
    });
  }

  #watch(channel: string, { iterates, countOnly }: Extract<PresenceDeed, { do: "watch" }>): void {
    const { name: client, recorder, wait } = this.#parts;
    const name = `${client}%${++this.#names}`;
    recorder.add({ is: "watches", client, channel, watch: name, countOnly });
    const take = (view: View): void => {
      const { count, isSample: sample, entered, updated, left } = view;
      const users = view.users.map(({ user, members }) => ({ user, members: members.map(valueOf) }));
      const change = {
        entered: entered.map(valueOf),
        updated: updated.map(valueOf),
        left: left.map(valueOf),
      };
      recorder.add({ is: "view", watch: name, count, sample, ...seen(view.members), users, change });
    };
    const onError = (error: unknown): void => {
      if (!isForNow(error)) recorder.add({ is: "unwatches", watch: name });
    };
    const presence = this.#presence(channel);
    const options = { countOnly, onError };
    const watch = iterates ? presence.watch(options) : presence.watch(options, take);
    this.#watches.push({ name, channel, watch });
    if (!iterates) return;
    (async () => {
      for await (const view of watch) {
        take(view);
        await wait();
      }
    })().catch(onError);
  }

  #unwatch(channel: string): void {
    const at = this.#watches.findIndex((one) => one.channel === channel);
    if (at < 0) return;
    const [one] = this.#watches.splice(at, 1);
    this.#parts.recorder.add({ is: "unwatches", watch: one!.name });
    one!.watch.close();
  }

  #presence(channel: string) {
    return this.#parts.client.channel("desk/:id", { id: channel.split("/")[1]! }).presence;
  }
}

/** Everybody, page by page, and how many the last page says there are. */
export async function allPages(
  read: (after: string | undefined) => Promise<MembersPage<Told>>,
): Promise<Pick<MembersPage<Told>, "count" | "members">> {
  const members: Member<Told>[] = [];
  let page: MembersPage<Told> | undefined;
  do {
    page = await read(page?.next);
    members.push(...page.members);
  } while (page.next !== undefined);
  return { count: page.count, members };
}

/** Members for the log. */
export function seen(
  members: readonly Member<Told>[],
): { readonly members: string[]; readonly as: (string | undefined)[] } {
  return { members: members.map(valueOf), as: members.map(({ user }) => user) };
}

function valueOf({ data }: Member<Told>): string {
  return data.value;
}
