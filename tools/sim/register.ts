/**
 * Who is in channels, as server code reads it.
 */
import { CallError } from "../../rpc/errors.ts";
import type { ServerPresence } from "../../rpc/member_types.ts";
import type { Random } from "../../testing/random.ts";
import type { SimulatedWorld } from "../../testing/world.ts";
import type { ScenarioApp } from "./app.ts";
import { allPages, DESKS, seen, type Told } from "./member.ts";

/** Members that server code reads, in pages of so many. */
export interface RegisterPlan {
  /** Where. */
  readonly channel: string;
  /** Members of a page, at most. */
  readonly limit: number;
}

/** Server code reads who is there. */
export type RegisterDeed = { readonly do: "server members" } & RegisterPlan;

/** One read. */
export function registerDeed(random: Random): RegisterDeed {
  return { do: "server members", channel: random.pick(DESKS), limit: 1 + random.below(3) };
}

/** Reads, and writes down what it is told. */
export class ScenarioRegister {
  readonly #world: SimulatedWorld<ScenarioApp>;
  #names = 0;

  /** Has read nothing. */
  constructor(world: SimulatedWorld<ScenarioApp>) {
    this.#world = world;
  }

  /** Asks who is there, page by page, and how many there are. */
  read({ channel, limit }: RegisterPlan): void {
    const tools = this.#world.node.channelTools;
    const params = { id: channel.split("/")[1]! };
    const get = tools.presence.get as unknown as (
      pattern: string,
      of: typeof params,
      query: Parameters<ServerPresence<Told>["get"]>[0],
    ) => ReturnType<ServerPresence<Told>["get"]>;
    this.#tell(channel, {
      countOnly: false,
      ask: async () => {
        const { count, members } = await allPages((after) => get("desk/:id", params, { after, limit }));
        return { count, ...seen(members) };
      },
    });
    const found =
      (tools.channel as (pattern: string, of: typeof params) => { presence: ServerPresence<Told> })(
        "desk/:id",
        params,
      );
    this.#tell(channel, {
      countOnly: true,
      ask: async () => ({ count: await found.presence.count(), members: [] }),
    });
  }

  #tell(channel: string, { countOnly, ask }: {
    readonly countOnly: boolean;
    readonly ask: () => Promise<{ count: number; members: string[]; as?: (string | undefined)[] }>;
  }): void {
    const { recorder } = this.#world;
    const watch = `server%${++this.#names}`;
    recorder.add({ is: "watches", client: "server", channel, watch, countOnly, isPaged: true });
    ask().then(
      (told) => recorder.add({ is: "view", watch, sample: false, ...told }),
      (error) => {
        recorder.add({ is: "unwatches", watch });
        if (error instanceof CallError && error.code === "UNAVAILABLE") return; // the broker is away
        recorder.add({ is: "escaped", error: `members: ${error}` });
      },
    );
  }
}
