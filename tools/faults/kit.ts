// What the fault runs share: clients behind lanes, what a subscriber must receive, and how a run is told.
import { type Client, connect } from "../../client/mod.ts";
import type { Random } from "../soak/random.ts";
import { Lane } from "./proxy.ts";
import type { App, Report } from "./server.ts";

/** "Test backoff 10 to 50 ms". */
export const BACKOFF = { base: 10, cap: 50 };
/** Milliseconds that anything may take that has to happen. */
const PATIENCE = 120_000;
/** Anomalies that are told one by one. */
const TOLD = 20;

/** What a run works with. */
export interface World {
  /** Of the server. */
  readonly port: number;
  readonly scale: number;
  /** When it has to be over, by `performance.now()`. */
  readonly until: number;
  readonly random: Random;
}

/** What a run found. */
export class Findings {
  /** What was counted. */
  readonly counts: Record<string, number | string> = {};
  /** What must not be. */
  readonly anomalies: string[] = [];
  #untold = 0;

  add(name: string, by = 1): void {
    this.counts[name] = Number(this.counts[name] ?? 0) + by;
  }

  wrong(what: string): void {
    if (this.anomalies.length < TOLD) this.anomalies.push(what);
    else this.#untold++;
  }

  expect(is: unknown, wanted: unknown, what: string): void {
    const [a, b] = [JSON.stringify(is), JSON.stringify(wanted)];
    if (a !== b) this.wrong(`${what}: ${a} instead of ${b}`);
  }

  /** How many were not told one by one. */
  get untold(): number {
    return this.#untold;
  }
}

/** One client and what it connects through. */
export class Peer {
  /** Who it is, for the server. */
  readonly name: string;
  readonly lane: Lane;
  readonly client: Client<App>;
  /** Milliseconds of each outage. */
  readonly outages: number[] = [];

  private constructor(name: string, lane: Lane, client: Client<App>) {
    this.name = name;
    this.lane = lane;
    this.client = client;
    let lostAt: number | undefined;
    client.on("state", ({ status }) => {
      if (status === "reconnecting") lostAt ??= performance.now();
      if (status !== "open" || lostAt === undefined) return;
      this.outages.push(performance.now() - lostAt);
      lostAt = undefined;
    });
  }

  /** Connects. */
  static async open({ port }: World, findings: Findings, path = "/rpc"): Promise<Peer> {
    const lane = await Lane.open(port);
    const name = crypto.randomUUID();
    const client = connect<App>(`ws://127.0.0.1:${lane.port}${path}`, {
      token: name,
      backoff: BACKOFF,
      onError: (error) => findings.wrong(`onError of a client: ${error}`),
    });
    const peer = new Peer(name, lane, client);
    await inTime(client.ready(), "connecting");
    return peer;
  }

  async close(): Promise<void> {
    await this.client.close();
    this.lane.close();
  }
}

/** So many clients, ten at a time. */
export async function open(world: World, findings: Findings, count: number, path?: string): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < count) {
    const some = Array.from(
      { length: Math.min(10, count - peers.length) },
      () => Peer.open(world, findings, path),
    );
    peers.push(...await Promise.all(some));
  }
  return peers;
}

/** What the server tells of itself, after it has done what the query says. */
export async function ask({ port }: World, query: Record<string, string | number> = {}): Promise<Report> {
  const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, `${value}`]));
  return await (await fetch(`http://127.0.0.1:${port}/faults?${parameters}`)).json() as Report;
}

/** The result, or an error that says what did not happen. */
export async function inTime<T>(done: PromiseLike<T>, what: string, patience: number = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${patience / 1_000} s`)), patience);
  });
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks until something holds; false when it does not in time. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  patience: number = PATIENCE,
): Promise<boolean> {
  for (const end = performance.now() + patience; performance.now() < end; await pause(20)) {
    if (await holds()) return true;
  }
  return false;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The longest and the middle one of all outages, for the table. */
export function tellOutages(peers: readonly Peer[], findings: Findings): void {
  const all = peers.flatMap(({ outages }) => outages).sort((a, b) => a - b);
  findings.counts["outages"] = all.length;
  findings.counts["outage p50 ms"] = Math.round(all[all.length >> 1] ?? 0);
  findings.counts["outage max ms"] = Math.round(all.at(-1) ?? 0);
}
