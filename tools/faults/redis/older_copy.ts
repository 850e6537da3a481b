// A fail-over to an older copy, that grows past the old offsets with other contents.
// @ts-types="../../redis.d.mts"
import { startRedis } from "../../redis.mjs";
import { eventually } from "../kit.ts";
import { Gate } from "./gate.ts";
import { ROOMS } from "./member.ts";
import type { Stream } from "./record.ts";
import type { Expected, Trial } from "./trial.ts";

/** Publications in each channel that the copy does not have, at the least. */
const LOST = 15;

/**
 * The link of a replica stands still, 15 are published in each channel and received, half of the clients are cut and one node is killed, the master is killed, the
 * replica promoted; the other node finds it by the proxy before it, and publishes past the old offsets. Then a node that knows nothing of it all is started, and
 * those who are away come back. Who had got what was lost is reset, everyone of them: those who were connected all the time, and those who ask where they were.
 */
export async function olderCopy(trial: Trial): Promise<Expected> {
  const { cluster, crowd, findings, record, world: { random } } = trial;
  trial.alarms = /The stream has (lost its latest publications|another past than it had)/;
  const master = cluster.redis;
  const link = await Gate.open(master.port);
  const copy = await startRedis({ replicaOf: link.port });
  cluster.add(copy);
  const inStep = async () => String(await copy.ask("INFO", "replication")).includes("master_link_status:up");
  if (!await eventually(inStep, 10_000)) throw new Error("The replica is not in step");
  await trial.busy(500);
  link.hold();
  await quiet(trial);
  for (let i = 0; i < LOST; i++) crowd.publishAll();
  await quiet(trial);
  const old = await trial.read();
  const kept = await topsOf(copy.port, trial);
  const reset = await namesAhead(trial, { old, kept });
  findings.counts["lost entries"] = old.reduce((sum, { top }, i) => sum + top - kept[i]!, 0);
  if (old.some(({ top }, i) => top < kept[i]! + LOST)) findings.wrong(`The copy is not older by ${LOST}`);
  for (const [i, { channel, epoch }] of old.entries()) {
    record.add({ is: "rollback", channel, epoch, top: kept[i]! });
  }
  const [stays, dies] = cluster.nodes;
  await trial.fault("fail-over to an older copy", async () => {
    cluster.balancer.targets = [];
    await dies.kill();
    for (let i = 0; i < crowd.members.length / 8; i++) cluster.balancer.move(random);
    await master.kill();
    link.close();
    await copy.ask("REPLICAOF", "NO", "ONE");
    for (const { gate } of cluster.nodes) gate.lead(copy.port);
  });
  cluster.redis = copy;
  findings.counts["away"] = crowd.members.length - cluster.balancer.count(stays.port);
  const connected = crowd.members.filter(({ client }) => client.state.status === "open");
  if (connected.length === 0) throw new Error("Nobody is left to publish");
  for (let i = 0; i < 4 * LOST; i++) for (const room of ROOMS) random.pick(connected).publish(room);
  const isPast = async () => (await topsOf(copy.port, trial)).every((top, i) => top > old[i]!.top);
  if (!await eventually(isPast, 60_000)) findings.wrong("The copy did not grow past the old offsets");
  await dies.start();
  cluster.balancer.targets = [dies.port, stays.port];
  crowd.start();
  await trial.busy(2_000);
  return reset;
}

async function quiet({ crowd, findings }: Trial): Promise<void> {
  if (!await crowd.stop(20_000)) findings.wrong("Publications without an answer before the fail-over");
}

/** The last offset of each channel. */
function topsOf(port: number, { record }: Trial): Promise<number[]> {
  return Promise.all(ROOMS.map((room) => record.topOf(port, `room/${room}`)));
}

/** The subscriptions that have got what the copy does not have; waits until all have got all. */
async function namesAhead(
  { crowd, findings }: Trial,
  { old, kept }: { old: readonly Stream[]; kept: readonly number[] },
): Promise<string[]> {
  const held = crowd.members.flatMap(({ held }) =>
    held.map(({ name, room, subscription }) => ({
      name,
      subscription,
      at: ROOMS.indexOf(room as typeof ROOMS[number]),
    }))
  );
  const arrived = () => held.every(({ at, subscription }) => subscription.position?.offset === old[at]!.top);
  if (!await eventually(arrived, 10_000)) {
    findings.wrong("What was published before the fail-over did not arrive");
  }
  return held.filter(({ at, subscription }) => (subscription.position?.offset ?? 0) > kept[at]!).map((
    { name },
  ) => name);
}
