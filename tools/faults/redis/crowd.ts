// Some hundred clients on all nodes: they publish, come, go, come back where they were, read the history, and lose their connections.
import type { Random } from "../../soak/random.ts";
import { eventually, type Findings, inTime, pause } from "../kit.ts";
import type { Cluster } from "./cluster.ts";
import { Member, ROOMS } from "./member.ts";
import type { Record } from "./record.ts";
import { Tap } from "./tap.ts";

/** How many they are, and what they do in a second, all together. */
export interface CrowdPlan {
  readonly clients: number;
  /** So many of them, the last ones, are on one node alone, and publish a half of all. */
  readonly aside?: number;
  /** On which. */
  readonly asideAt?: 0 | 1;
  readonly publications: number;
  /** Subscriptions that end and begin again, and pages that are read. */
  readonly deeds: number;
  /** Connections that are cut, so that their clients come to another node. */
  readonly moves: number;
  readonly backoff?: { readonly base: number; readonly cap: number };
}

/** What a crowd is made of. */
export interface CrowdParts {
  readonly cluster: Cluster;
  readonly record: Record;
  readonly findings: Findings;
  readonly random: Random;
  readonly plan: CrowdPlan;
}

const TICK = 50;

/** All clients. */
export class Crowd {
  readonly members: Member[] = [];
  readonly #parts: CrowdParts;
  #isBusy = false;
  #work: Promise<void> = Promise.resolve();
  #pages = new Set<Promise<void>>();

  private constructor(parts: CrowdParts) {
    this.#parts = parts;
  }

  /** Connects all, each in two of four channels. */
  static async open(parts: CrowdParts): Promise<Crowd> {
    const crowd = new Crowd(parts);
    const { cluster, plan: { clients, aside = 0, asideAt = 1, backoff } } = parts;
    const portOf = (i: number) => i < clients - aside ? cluster.balancer.port() : cluster.nodes[asideAt].port;
    const tap = new Tap(parts.record);
    for (let i = 0; i < clients; i += 20) {
      await Promise.all(Array.from({ length: Math.min(20, clients - i) }, async (_, k) => {
        const url = `ws://127.0.0.1:${await portOf(i + k)}/rpc`;
        const member = new Member({ ...parts, name: `c${i + k}`, url, tap, backoff });
        crowd.members[i + k] = member;
        await inTime(member.client.ready(), `connecting ${member.name}`, 30_000);
        const rooms = [ROOMS[(i + k) % 4]!, ROOMS[(i + k + 1) % 4]!];
        await inTime(Promise.all(rooms.map((room) => member.subscribe(room))), "subscribing", 30_000);
      }));
    }
    return crowd;
  }

  /** They begin, or go on. */
  start(): void {
    this.#isBusy = true;
    this.#work = this.#run();
  }

  /** They do nothing more; answered when all they have published has been answered. */
  async stop(patience: number): Promise<boolean> {
    this.#isBusy = false;
    await this.#work;
    const isDone = await eventually(() => this.members.every(({ unanswered }) => unanswered === 0), patience);
    await Promise.all(this.#pages);
    return isDone;
  }

  /** Somebody publishes, in each channel. */
  publishAll(): void {
    for (const room of ROOMS) this.#parts.random.pick(this.members).publish(room);
  }

  /** Ends. */
  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }

  async #run(): Promise<void> {
    const { plan } = this.#parts;
    const due = { publications: 0, deeds: 0, moves: 0 };
    for (let last = performance.now(); this.#isBusy; await pause(TICK)) {
      const now = performance.now();
      // A machine that was busy is not given all at once what it has missed.
      const seconds = Math.min(now - last, 4 * TICK) / 1_000;
      last = now;
      const { random } = this.#parts;
      for (due.publications += plan.publications * seconds; due.publications >= 1; due.publications--) {
        this.#publisher(random).publish(random.pick(ROOMS));
      }
      for (due.deeds += plan.deeds * seconds; due.deeds >= 1; due.deeds--) this.#deed(random);
      for (due.moves += plan.moves * seconds; due.moves >= 1; due.moves--) this.#move(random);
    }
  }

  #publisher(random: Random): Member {
    const { aside = 0 } = this.#parts.plan;
    return random.pick(aside > 0 && random.below(2) === 0 ? this.members.slice(-aside) : this.members);
  }

  #move(random: Random): void {
    this.#parts.findings.add("moved");
    this.#parts.cluster.balancer.move(random);
  }

  #deed(random: Random): void {
    const member = random.pick(this.members);
    const which = random.below(3);
    if (which === 0) {
      const page = member.history(random.pick(ROOMS));
      this.#pages.add(page);
      return void page.finally(() => this.#pages.delete(page));
    }
    const left = member.leave();
    if (left === undefined) return;
    const goesOn = which === 1 && left.position !== undefined;
    void member.subscribe(left.room, goesOn ? { from: left.position } : { rewind: 1 + random.below(30) });
  }
}
