// Two nodes under load, all clients on one of them, and that one is killed.
import process from "node:process";
import { eventually, type Findings, type World } from "../kit.ts";
import { Trial } from "./trial.ts";

/** At scale 1. */
const CLIENTS = 1_000;
/** "They continue on the other within 10 s." */
const WITHIN = 10_000;

/**
 * 1,000 clients on one node and 50 on the other, each in two of four channels; half of what is published comes from the 50, and goes on while the others are away.
 * SIGKILL to the one: within 10 s each of its clients is welcomed by the other and has a publication. Nothing is lost or doubled, nobody is reset. Backoff is the client's own.
 */
export async function nodeKilled(world: World, which: 0 | 1): Promise<Findings> {
  const clients = Math.max(20, Math.round(CLIENTS * world.scale));
  const aside = Math.ceil(clients / 20);
  const places = { aside, asideAt: which === 0 ? 1 : 0 } as const;
  const plan = { clients: clients + aside, ...places, publications: 20, deeds: 0, moves: 0 };
  const trial = await Trial.open(world, plan, { placed: which });
  const { cluster, crowd, findings } = trial;
  return await trial.run(async () => {
    const [dies, stays] = [cluster.nodes[which], cluster.nodes[places.asideAt]];
    const moved = crowd.members.slice(0, clients);
    findings.expect(cluster.balancer.count(dies.port), clients, "connections to the node that is killed");
    crowd.start();
    await trial.busy(2_000);
    cluster.balancer.targets = [stays.port];
    const { cpu } = await stays.ask();
    const worked = process.cpuUsage();
    const from = performance.now();
    await trial.fault(`SIGKILL to the ${dies.runtime} node`, () => dies.kill());
    const away = () => moved.filter(({ openedAt, wentOnAt }) => openedAt < from || wentOnAt === 0);
    if (!await eventually(() => away().length === 0, 3 * WITHIN)) {
      throw new Error(`${away().length} clients did not go on within ${3 * WITHIN / 1_000} s`);
    }
    const { user, system } = process.cpuUsage(worked);
    findings.counts["cpu here ms"] = Math.round((user + system) / 1_000);
    findings.counts["cpu of the node ms"] = (await stays.ask()).cpu - cpu;
    const late = moved.filter(({ wentOnAt }) => wentOnAt > from + WITHIN).length;
    if (late > 0) findings.wrong(`${late} clients did not go on within ${WITHIN / 1_000} s`);
    const times = (all: readonly number[]) => all.map((at) => at - from).sort((a, b) => a - b);
    tell(findings, "back", times(moved.map(({ openedAt }) => openedAt)));
    tell(findings, "went on", times(moved.map(({ wentOnAt }) => wentOnAt)));
    findings.expect(cluster.balancer.count(stays.port), clients, "connections to the other node");
    await trial.busy(1_000);
    return "nobody";
  });
}

function tell(findings: Findings, what: string, sorted: readonly number[]): void {
  findings.counts[`${what} p50 ms`] = Math.round(sorted[sorted.length >> 1]!);
  findings.counts[`${what} max ms`] = Math.round(sorted.at(-1)!);
}
