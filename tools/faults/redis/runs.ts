// The faults on Redis, by name. What each does and what has to hold is in its comment, and in docs/proof.md.
import { eventually, type Findings, pause, type World } from "../kit.ts";
import type { CrowdPlan } from "./crowd.ts";
import { cutOff } from "./cut_off.ts";
import { nodeKilled } from "./node_killed.ts";
import { olderCopy } from "./older_copy.ts";
import { type Expected, Trial } from "./trial.ts";

/** "Test backoff". */
const BACKOFF = { base: 20, cap: 200 };
/** Nothing that was answered may be lost with the process. */
const DURABLE = ["appendonly yes", "appendfsync always"];

type Run = (world: World) => Promise<Findings>;

function planOf({ scale }: World): CrowdPlan {
  const clients = Math.max(12, Math.round(200 * scale));
  return {
    clients,
    publications: 40,
    deeds: clients / 10,
    moves: Math.max(1, clients / 40),
    backoff: BACKOFF,
  };
}

/** A run with this configuration, that always ends what it has started. Of ten clients so many stay on the second node; they publish a half of all. */
function run(config: string[], faults: (trial: Trial) => Promise<Expected>, stay = 0): Run {
  return async (world) => {
    const plan = planOf(world);
    const aside = Math.ceil(plan.clients * stay / 10);
    const trial = await Trial.open(world, { ...plan, aside, asideAt: 1 }, { config });
    return await trial.run(async () => {
      trial.crowd.start();
      await trial.busy(1_000);
      return await faults(trial);
    });
  };
}

/** SIGKILL to each node in turn, and started again when all its clients are on the other. Nothing is lost or doubled, nobody is reset. */
const killNode = run([], async (trial) => {
  const { cluster, crowd: { members } } = trial;
  for (const [i, node] of cluster.nodes.entries()) {
    await trial.fault(`SIGKILL to the ${node.runtime} node`, () => node.kill());
    const other = cluster.nodes[1 - i]!;
    const isOver = () => cluster.balancer.count(other.port) >= members.length * 0.95;
    if (!await eventually(isOver, 10_000)) {
      trial.findings.wrong("Clients were not on the other node after 10 s");
    }
    await node.start();
    await trial.busy(1_000);
  }
  return "nobody";
});

/** SIGKILL to Redis, twice, which writes all it has answered to its log: it comes back, and nothing is lost or doubled, nobody is reset. */
const killDurable = run(DURABLE, async (trial) => {
  for (let i = 0; i < 2; i++) {
    await trial.fault("SIGKILL to Redis", () => trial.cluster.redis.kill());
    await pause(300);
    await trial.cluster.redis.start();
    await trial.busy(1_500);
  }
  return "nobody";
});

/** SIGKILL to Redis, which has written nothing: all streams are lost, and everybody is told: a reset, before anything newer. */
const killMemory = run([], async (trial) => {
  const reset = await trial.lose();
  await trial.fault("SIGKILL to Redis without a log", () => trial.cluster.redis.restart());
  await trial.busy(2_000);
  return reset;
});

/** FLUSHALL: as before, without a lost connection that would tell the nodes. */
const flush = run([], async (trial) => {
  const reset = await trial.lose();
  await trial.fault("FLUSHALL", () => trial.cluster.redis.ask("FLUSHALL"));
  await trial.busy(2_000);
  return reset;
});

/** CLIENT KILL TYPE pubsub, five times: pushes are missed, and read from the history. Nothing is lost or doubled, nobody is reset. */
const killPubSub = run([], async (trial) => {
  for (let i = 0; i < 5; i++) {
    await trial.fault("CLIENT KILL TYPE pubsub", async () => {
      trial.findings.add("killed", await trial.cluster.redis.ask("CLIENT", "KILL", "TYPE", "pubsub"));
    });
    await trial.busy(400);
  }
  if (trial.findings.counts["killed"] === 0) trial.findings.wrong("No connection for pushes was killed");
  return "nobody";
});

/** DEBUG SLEEP 2: Redis answers nobody for 2 s. Nothing is lost or doubled, nobody is reset. */
const sleep = run([], async (trial) => {
  await trial.fault("DEBUG SLEEP 2", () => trial.cluster.redis.ask("DEBUG", "SLEEP", 2));
  await trial.busy(1_000);
  return "nobody";
});

/** One node's way to Redis is a black hole for 7 s, longer than it waits for an answer, and then open again. Nothing is lost or doubled, nobody is reset. */
const blackHole = run([], async (trial) => {
  const { gate } = trial.cluster.nodes[0];
  await trial.fault("the deno node cannot reach Redis, and is not told", async () => {
    gate.hold();
    await trial.busy(7_000);
    gate.goOn();
  });
  await trial.busy(1_000);
  return "nobody";
});

/**
 * maxmemory is reached: publications fail as UNAVAILABLE, histories and subscriptions work. When there is room again all that clients have published lands, once.
 */
const memory = run([], async (trial) => {
  const { cluster: { redis, nodes }, findings, crowd } = trial;
  await trial.fault("maxmemory is reached", () => redis.ask("CONFIG", "SET", "maxmemory", 1));
  const pages = Number(findings.counts["pages"] ?? 0);
  for (const node of nodes) {
    const { published } = await node.ask({ publish: "no room", id: "a" });
    findings.expect(published, "UNAVAILABLE", `a publication of the ${node.runtime} node without memory`);
  }
  for (const member of crowd.members.slice(0, 8)) await member.history("a");
  if (Number(findings.counts["pages"] ?? 0) < pages + 8) {
    findings.wrong("Histories were refused without memory");
  }
  await trial.busy(1_000);
  await redis.ask("CONFIG", "SET", "maxmemory", 0);
  await trial.busy(1_000);
  return "nobody";
});

/** One of 20 pushes is lost on the way to each node: a node sees that by the next one. Nothing is lost or doubled, nobody is reset. */
const lostPushes = run([], async (trial) => {
  const { cluster: { nodes }, findings, world: { random } } = trial;
  for (const { gate } of nodes) {
    gate.lose({ of: 20, random });
    gate.cut();
  }
  await trial.busy(3_000);
  await eventually(() => nodes.every(({ gate }) => gate.lost > 0), 30_000);
  for (const { gate } of nodes) {
    gate.lose(undefined);
    await trial.fault("pushes were lost", () => findings.add("lost pushes", gate.lost));
  }
  if (nodes.some(({ gate }) => gate.lost === 0)) findings.wrong("No push to one of the nodes was lost");
  return "nobody";
});

/** The runs. */
export const redisRuns: Readonly<Record<string, Run>> = {
  "redis, node killed": killNode,
  "redis, killed, with a log": killDurable,
  "redis, killed, without": killMemory,
  "redis, flushed": flush,
  "redis, pushes killed": killPubSub,
  "redis, asleep": sleep,
  "redis, older copy": run([], olderCopy),
  "redis, black hole": blackHole,
  "redis, cut off": run([], cutOff, 1),
  "redis, memory full": memory,
  "redis, pushes lost": lostPushes,
  "node, deno killed": (world) => nodeKilled(world, 0),
  "node, bun killed": (world) => nodeKilled(world, 1),
};
