// 1,000 subscribers that stop reading: what the server holds for them, that each is cut with 4503, and that each goes on without loss when it reads again.
//
// Their receive buffers are what Linux gives who has not read yet: a window of 64 KiB, which grows only as its owner reads. In front of it the
// kernel of the server takes up to 4 MiB for each connection on loopback, and a subscription 1 MiB unacknowledged: only several fill a socket
// until something waits in the process.
import { Follower, Seen, startCounts } from "./follower.ts";
import { ask, eventually, Findings, inTime, open, pause, type Peer, tellOutages, type World } from "./kit.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;
/** Bytes that each may cost, and all together. */
const [EACH, TOGETHER] = [256 * KIB, 64 * MIB];
const CHANNELS = ["a", "b", "c", "d", "e"];
const BYTES = 16 * KIB;
/** Publications to each channel, and how many between two looks: a little more than 1 MiB in the end. */
const [COUNT, STEP] = [68, 4];
const TOO_SLOW = 4503;
/** Milliseconds in which all 1,000 have to have read 5.3 MiB each. */
const RECOVERY = 240_000;

/** The run. */
export async function stalled(world: World): Promise<Findings> {
  const findings = new Findings();
  const clients = Math.max(10, Math.round(1_000 * world.scale));
  startCounts(findings);
  const peers = await open(world, findings, clients);
  const seen = CHANNELS.map((id) => new Seen(`long/${id}`));
  const followers = (await Promise.all(peers.map((peer, i) => follow(peer, `client ${i}`)))).flat();

  function follow({ client }: Peer, name: string): Promise<Follower[]> {
    return Promise.all(CHANNELS.map(async (id, k) => {
      const follower = new Follower(`${name} in ${id}`, seen[k]!, { offset: 0, findings });
      const subscription = client.channel("long/:id", { id }).subscribe((event) => follower.take(event));
      await inTime(subscription.ready(), `subscribing ${follower.name}`);
      return follower;
    }));
  }

  for (const { lane } of peers) {
    lane.stall();
    lane.hold(); // who gives up a connection that is silent has to wait with the next
  }
  await stop(world, findings, clients);
  for (const { lane } of peers) {
    lane.goOn();
    lane.release();
  }
  await eventually(() => followers.every(({ offset }) => offset === COUNT), RECOVERY);
  for (const { name, offset } of followers) {
    findings.expect(offset, COUNT, `${name}: its end`);
    if (offset < COUNT) findings.add("lost", COUNT - offset);
  }
  findings.expect(findings.counts["reset"], 0, "resets");
  findings.expect((await ask(world)).errors, [], "errors of the server");
  tellOutages(peers, findings);
  await Promise.all(peers.map((peer) => peer.close()));
  return findings;
}

/** Publishes until nobody can be sent more, and waits until all are cut. */
async function stop(world: World, findings: Findings, clients: number): Promise<void> {
  const before = await ask(world);
  let report = before;
  let most = before.rss;
  const look = async (query?: Record<string, string | number>) => {
    report = await ask(world, query);
    most = Math.max(most, report.rss);
    return (report.closes[TOO_SLOW] ?? 0) - (before.closes[TOO_SLOW] ?? 0);
  };
  for (let first = 0; first < COUNT; first += STEP) {
    for (const id of CHANNELS) await look({ pattern: "long/:id", id, count: STEP, bytes: BYTES, first });
  }
  let cut = await look();
  for (; cut < clients && performance.now() < world.until; cut = await look()) await pause(50);
  findings.counts["cut 4503"] = cut;
  findings.expect(report.closes, { ...before.closes, [TOO_SLOW]: clients }, "how connections ended");
  const [grown, bound] = [most - before.rss, clients * EACH + TOGETHER];
  findings.counts["published MiB"] = COUNT * CHANNELS.length * BYTES / MIB;
  findings.counts["grown MiB"] = Math.round(grown / MIB);
  findings.counts["bound MiB"] = Math.round(bound / MIB);
  if (grown > bound) findings.wrong(`The server grew by ${Math.round(grown / MIB)} MiB`);
}
