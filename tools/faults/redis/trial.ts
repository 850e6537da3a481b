// One fault run on Redis: a cluster, a crowd, what is done to them, and the verdict of the checker.
import { check } from "../../../testing/checker.ts";
import { eventually, Findings, pause, type World } from "../kit.ts";
import { Cluster } from "./cluster.ts";
import { Crowd, type CrowdPlan } from "./crowd.ts";
import { ROOMS } from "./member.ts";
import { Record, type Stream, withTruth } from "./record.ts";

/** "After the last fault, all clients reach the top within 10 s." */
const LIVE = 10_000;
/** A publication is answered in that time: what a broker takes to give one up, and what a client waits until it sends it again. */
const ANSWERED = 30_000;

/** What a node has to say when its Redis is away. */
const AWAY = /UNAVAILABLE|BrokerError|Orders to this node were lost/;

/** Who has to be told of a reset, by the names of their subscriptions; `"nobody"` may be. */
export type Expected = readonly string[] | "nobody";

/** A run. */
export class Trial {
  /** What else a node may report in this run. */
  alarms: RegExp | undefined;
  readonly record: Record = new Record();
  readonly findings: Findings = new Findings();
  readonly cluster: Cluster;
  readonly crowd: Crowd;
  readonly world: World;
  #calmAt = 0;

  private constructor(
    parts: { cluster: Cluster; crowd: Crowd; record: Record; findings: Findings; world: World },
  ) {
    this.cluster = parts.cluster;
    this.crowd = parts.crowd;
    this.record = parts.record;
    this.findings = parts.findings;
    this.world = parts.world;
  }

  /** Everything runs, and nothing has happened yet. */
  static async open(
    world: World,
    plan: CrowdPlan,
    { config = [], placed }: { config?: string[]; placed?: 0 | 1 } = {},
  ): Promise<Trial> {
    const [record, findings] = [new Record(), new Findings()];
    for (const name of ["faults", "published", "delivered", "reset"]) findings.counts[name] = 0;
    const cluster = await Cluster.open(config);
    if (placed !== undefined) cluster.balancer.targets = [cluster.nodes[placed].port];
    const crowd = await Crowd.open({ cluster, record, findings, random: world.random, plan }).catch(
      async (error) => {
        for (const node of cluster.nodes) findings.wrong(node.output());
        await cluster.close();
        throw error;
      },
    );
    return new Trial({ cluster, crowd, record, findings, world });
  }

  /** Does it, looks at what happened, and ends everything, whatever came of it. */
  async run(doIt: () => Promise<Expected>): Promise<Findings> {
    try {
      await this.#end(await doIt());
    } catch (error) {
      this.findings.wrong(String(error instanceof Error ? error.stack : error));
    } finally {
      await this.crowd.close();
      await this.cluster.close();
    }
    return this.findings;
  }

  /** Something is done to them. */
  async fault(what: string, run: () => unknown): Promise<void> {
    this.findings.add("faults");
    this.record.add({ is: "fault", what });
    await run();
  }

  /** All channels as Redis has them now; the next loss takes them away. */
  read(port: number = this.cluster.redis.port): Promise<Stream[]> {
    return Promise.all(ROOMS.map((room) => this.record.read(port, `room/${room}`)));
  }

  /** All streams are lost: whoever was in one of them has to be told. Gives their subscriptions. */
  async lose(): Promise<string[]> {
    await this.read();
    for (const room of ROOMS) this.record.add({ is: "stream lost", channel: `room/${room}` });
    return this.crowd.members.flatMap(({ held }) => held.map(({ name }) => name));
  }

  /** The last fault is over: everything has to come right. */
  calm(): void {
    this.record.add({ is: "told" });
    this.record.add({ is: "calm" });
    this.#calmAt = performance.now();
  }

  /** Milliseconds that the program stays as it is, under load. */
  busy(ms: number): Promise<void> {
    return pause(ms);
  }

  /** Lets all end, and looks at what happened. */
  async #end(reset: Expected): Promise<void> {
    const { crowd, findings, record } = this;
    if (this.#calmAt === 0) this.calm();
    if (!await crowd.stop(ANSWERED)) findings.wrong(`Publications without an answer after ${ANSWERED} ms`);
    const from = performance.now();
    crowd.publishAll();
    if (!await crowd.stop(ANSWERED)) {
      findings.wrong(`The last publications have no answer after ${ANSWERED} ms`);
    }
    const tops = await this.read();
    const behind = () =>
      crowd.members.flatMap(({ held }) =>
        held.filter(({ room, subscription: { position, state } }) => {
          const stream = tops[ROOMS.indexOf(room as typeof ROOMS[number])]!;
          return state !== "live" || position === undefined || position.offset !== stream.top ||
            !stream.has(`room/${room}`, position);
        })
      );
    if (!await eventually(() => behind().length === 0, LIVE)) {
      for (const { name, subscription } of behind()) {
        findings.wrong(
          `${name} is ${subscription.state} at ${
            JSON.stringify(subscription.position)
          } ${LIVE} ms after the last fault`,
        );
      }
    }
    findings.counts["caught up ms"] = Math.round(performance.now() - from);
    record.add({ is: "finish" });
    await this.#judge(reset);
  }

  async #judge(reset: Expected): Promise<void> {
    const { findings, record, cluster } = this;
    const told = new Set(record.log.flatMap((event) => event.is === "reset" ? [event.sub] : []));
    if (reset === "nobody") findings.expect([...told], [], "subscriptions that were reset");
    else {
      const over = new Set(record.log.flatMap((event) => event.is === "unsubscribed" ? [event.sub] : []));
      const untold = reset.filter((name) => !told.has(name) && !over.has(name));
      findings.expect(untold, [], "subscriptions that were ahead and never reset");
      findings.counts["ahead"] = reset.filter((name) => !over.has(name)).length;
    }
    const log = withTruth(record);
    findings.counts["log"] = log.length;
    for (const { rule, what, line } of check(log)) {
      if (rule !== "flow control") findings.wrong(`${rule}: ${what} (line ${line})`);
    }
    for (const node of cluster.nodes.filter(({ isUp }) => isUp)) {
      const { errors } = await node.ask();
      findings.add("errors of nodes", errors.length);
      const wrong = errors.filter((error) => !AWAY.test(error) && !this.alarms?.test(error));
      for (const error of new Set(wrong)) findings.wrong(`${node.runtime} node: ${error}`);
    }
  }
}
