// 200 clients, each in two channels of four, publish and listen while their connections are cut 10,000 times in all: a million deliveries, nothing lost.
import type { Subscription } from "../../client/mod.ts";
import { Follower, type Message, Seen, startCounts } from "./follower.ts";
import { eventually, Findings, inTime, open, pause, type Peer, tellOutages, type World } from "./kit.ts";

const ROOMS = ["a", "b", "c", "d"];
/** Milliseconds from one cut of a client to the next, in the middle. */
const BETWEEN_CUTS = 600;
/** Milliseconds without any progress. */
const STILL = 60_000;
/** What the last of them may take to come back. */
const COMING_BACK = 30_000;
/** Publications of one client that may wait for their answer: a busy machine is not given more and more of them. */
const UNANSWERED = 16;

interface Followed {
  readonly follower: Follower;
  readonly room: number;
  readonly subscription: Subscription<Message>;
}

interface Plan {
  readonly clients: number;
  /** For each client. */
  readonly cuts: number;
  /** For each client. */
  readonly publications: number;
}

function plan(scale: number): Plan {
  const clients = Math.max(20, Math.round(200 * Math.min(1, scale)));
  const [cuts, deliveries] = [10_000 * scale, 1_000_000 * scale];
  // Half of the clients hear each publication.
  const publications = Math.ceil(deliveries / (clients / 2) / clients);
  return { clients, cuts: Math.ceil(cuts / clients), publications };
}

/** The run. */
export async function channels(world: World): Promise<Findings> {
  const findings = new Findings();
  const planned = plan(world.scale);
  startCounts(findings);
  findings.counts["cuts"] = findings.counts["cut attempts"] = 0;
  const peers = await open(world, findings, planned.clients);
  const rooms = ROOMS.map((id) => new Seen(`room/${id}`));
  const followers = await Promise.all(
    peers.flatMap((peer, i) => [0, 1].map((k) => follow(peer, i, (i + k) % 4))),
  );

  async function follow({ client }: Peer, i: number, room: number): Promise<Followed> {
    const follower = new Follower(`client ${i} in ${ROOMS[room]}`, rooms[room]!, { offset: 0, findings });
    const channel = client.channel("room/:id", { id: ROOMS[room]! });
    const subscription = i % 2 === 0
      ? channel.subscribe(
        i % 4 === 0 ? (event) => follower.take(event) : async (event) => {
          await Promise.resolve();
          follower.take(event);
        },
      )
      : channel.subscribe();
    if (i % 2 === 1) void follower.read(subscription);
    await inTime(subscription.ready(), `subscribing ${follower.name}`);
    return { follower, room, subscription };
  }

  const tops = ROOMS.map(() => 0);
  async function publish({ client }: Peer, i: number): Promise<void> {
    const room = i % 4;
    const channel = client.channel("room/:id", { id: ROOMS[room]! });
    const by = `client ${i}`;
    const random = world.random;
    const pace = planned.cuts * BETWEEN_CUTS / planned.publications;
    const answers: Promise<void>[] = [];
    for (let n = 0; n < planned.publications; n++) {
      await pause(random.below(2 * pace));
      await answers[n - UNANSWERED];
      answers.push(
        channel.publish({ by, n }).then(({ offset }) => {
          acknowledged.push({ room, by, n, offset });
          tops[room] = Math.max(tops[room]!, offset);
        }, (error) => findings.wrong(`${by} could not publish ${n}: ${error}`)),
      );
    }
    await Promise.all(answers);
  }

  const acknowledged: { room: number; by: string; n: number; offset: number }[] = [];
  const work = peers.map((peer, i) => publish(peer, i));
  const cuts = Promise.all(peers.map((peer) => cut(peer, planned.cuts, world, findings)));
  await moving(
    Promise.all([...work, cuts]),
    () => acknowledged.length + Number(findings.counts["cuts"]),
    findings,
  );
  await comeBack(peers, planned.cuts);
  const isThere = ({ follower, room }: Followed) => follower.offset >= tops[room]!;
  await eventually(() => followers.every(isThere));
  for (const { follower, room } of followers) {
    findings.expect(follower.offset, tops[room], `${follower.name}: its end`);
    if (follower.offset < tops[room]!) findings.add("lost", tops[room]! - follower.offset);
  }
  for (const { room, by, n, offset } of acknowledged) {
    findings.expect(rooms[room]!.offsetOf(by, n), offset, `${by}.${n}: where it is`);
  }
  for (const room of rooms) room.checkOrder(findings);
  findings.counts["published"] = acknowledged.length;
  findings.expect(acknowledged.length, planned.clients * planned.publications, "publications");
  findings.expect(tops.reduce((sum, top) => sum + top), acknowledged.length, "entries of all channels");
  findings.expect(findings.counts["reset"], 0, "resets");
  findings.expect(findings.counts["delivered"], acknowledged.length * planned.clients / 2, "deliveries");
  tellOutages(peers, findings);
  const [outages, opened] = [Number(findings.counts["outages"]), Number(findings.counts["cuts"])];
  if (outages < opened) findings.wrong(`${opened} cuts made only ${outages} outages`);
  for (const { subscription } of followers) subscription.close();
  await Promise.all(peers.map((peer) => peer.close()));
  return findings;
}

/** Waits until all are back from their last cut; who has not yet heard of it is still open. */
async function comeBack(peers: readonly Peer[], cuts: number): Promise<void> {
  await eventually(() => peers.every(({ outages }) => outages.length >= cuts), COMING_BACK);
  await Promise.all(peers.map(({ client }) => inTime(client.ready(), "coming back")));
}

/** Waits as long as there is progress: who stands still for a minute is told of, with what can be said then. */
async function moving(work: Promise<unknown>, progress: () => number, findings: Findings): Promise<void> {
  for (let before = -1; before !== progress();) {
    before = progress();
    const isDone = await Promise.race([work.then(() => true), pause(STILL)]);
    if (isDone) return;
  }
  findings.wrong(`Publishing stands still at ${progress()}`);
}

/** Cuts connections that are open, so many; each fifth time the next one too, while it is made. */
async function cut(
  { client, lane }: Peer,
  count: number,
  { random }: World,
  findings: Findings,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    // From the opening on: on a busy machine a cut whose time has long come would leave no connection any time to bring something.
    const isOpen = () => client.state.status === "open" && lane.pair !== undefined;
    if (!await eventually(isOpen)) return findings.wrong("A client did not come back");
    await pause(random.below(2 * BETWEEN_CUTS));
    (await inTime(lane.connection(), "a connection")).cut(random);
    findings.add("cuts");
    if (random.below(5) > 0) continue;
    const next = await inTime(lane.connection(), "the next connection");
    await pause(random.below(20));
    next.cut(random);
    findings.add("cut attempts");
  }
}
