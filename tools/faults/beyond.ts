// 500 outages that outlast the history: each ends in exactly one reset, before anything newer, and the channel goes on from there.
import { Follower, Seen, startCounts } from "./follower.ts";
import { ask, eventually, Findings, inTime, open, pause, type Peer, tellOutages, type World } from "./kit.ts";

/** The channel keeps 10. */
const MISSED = 15;
const CLIENTS = 50;

/** The run. */
export async function beyond(world: World): Promise<Findings> {
  const findings = new Findings();
  const outages = Math.max(1, Math.round(500 * world.scale));
  const clients = Math.min(CLIENTS, outages);
  startCounts(findings);
  const peers = await open(world, findings, clients);
  const seen = new Seen("short/one");
  const followers = await Promise.all(peers.map(async ({ client }, i) => {
    const follower = new Follower(`client ${i}`, seen, { offset: 0, findings });
    const subscription = client.channel("short/:id", { id: "one" }).subscribe((event) =>
      follower.take(event)
    );
    await inTime(subscription.ready(), `subscribing ${follower.name}`);
    return follower;
  }));
  let top = 0;
  const publish = async (count: number) => {
    await ask(world, { pattern: "short/:id", id: "one", count, first: top });
    top += count;
  };
  const arrived = () => eventually(() => followers.every(({ offset }) => offset === top));
  await publish(3);
  await arrived();
  for (let done = 0; done < outages; done += clients) {
    await outage(peers.slice(0, outages - done), world);
    await publish(MISSED);
    const before = followers.map(({ resets }) => resets.length);
    for (const { lane } of peers) lane.release();
    // What is published while they come back joins what they are told.
    for (let i = 0; i < 3; i++) {
      await pause(world.random.below(30));
      await publish(1);
    }
    if (!await arrived()) break;
    await publish(1);
    if (!await arrived()) break;
    followers.slice(0, outages - done).forEach(({ name, resets, offset }, i) => {
      const fresh = resets.slice(before[i]);
      findings.expect(
        fresh.map(({ reason }) => reason),
        ["history"],
        `${name}: resets of an outage at ${offset}`,
      );
      findings.add("beyond");
    });
  }
  for (const { name, offset } of followers) findings.expect(offset, top, `${name}: its end`);
  findings.expect(findings.counts["reset"], outages, "resets");
  tellOutages(peers, findings);
  await Promise.all(peers.map((peer) => peer.close()));
  return findings;
}

/** Everybody is away, and knows it: half are refused, the others wait for an answer. */
async function outage(peers: readonly Peer[], { random }: World): Promise<void> {
  peers.forEach(({ lane }, i) => {
    if (i % 2 === 0) lane.hold();
    else lane.refuse();
    lane.pair?.cut(random);
  });
  await inTime(
    eventually(() =>
      peers.every(({ client, lane }) => client.state.status !== "open" && lane.pair === undefined)
    ),
    "the outage",
  );
}
