// Calls whose connection is cut when the reply is on its way: it was run, and its caller does not know. What the caller is told, and how often it ran.
import { CallError } from "../../client/mod.ts";
import { ask, eventually, Findings, inTime, open, pause, type Peer, tellOutages, type World } from "./kit.ts";

const CALLS = 10_000;
const CLIENTS = 50;

/** One of the three cases. */
interface Case {
  readonly name: string;
  /** Where clients connect, in turn: what forgets sessions does it in two ways. */
  readonly paths: readonly string[];
  readonly keyed: boolean;
  /** What the caller is told. */
  readonly outcome: "value" | "ambiguous";
}

const LOST = ["/expired", "/evicted"];

/** The cases, by the names of the table. */
export const cases: readonly Case[] = [
  { name: "resumed", paths: ["/rpc"], keyed: false, outcome: "value" },
  { name: "lost, key", paths: LOST, keyed: true, outcome: "value" },
  { name: "lost, no key", paths: LOST, keyed: false, outcome: "ambiguous" },
];

/** The run of one case. */
export async function calls(world: World, one: Case): Promise<Findings> {
  const findings = new Findings();
  const count = Math.max(1, Math.round(CALLS * world.scale));
  const clients = Math.min(CLIENTS, count);
  const ids = `${one.name} ${crypto.randomUUID()} `;
  for (const name of ["calls", "value", "ambiguous", "other"]) findings.counts[name] = 0;
  const each = Math.ceil(clients / one.paths.length);
  const peers = (await Promise.all(one.paths.map((path) => open(world, findings, each, path)))).flat();
  let next = 0;
  await Promise.all(peers.map(async (peer) => {
    for (let cuts = 1; next < count; cuts++) {
      const cut = await cutCall(peer, `${ids}${next}`, { n: next++, one, findings });
      if (one.paths === LOST) await forgotten(world, peer, cuts);
      await cut.outcome;
    }
  }));
  const { executions, errors } = await ask(world, { ids });
  for (const error of errors) findings.wrong(`onError of the server: ${error}`);
  findings.counts["ran once"] = executions[1] ?? 0;
  findings.expect(executions, { 1: count }, "executions");
  findings.expect(findings.counts[one.outcome], count, one.outcome);
  tellOutages(peers, findings);
  await Promise.all(peers.map((peer) => peer.close()));
  return findings;
}

/** Makes a call and cuts the connection when its reply is there. */
async function cutCall(
  { client, lane }: Peer,
  id: string,
  { n, one, findings }: { n: number; one: Case; findings: Findings },
): Promise<{ outcome: Promise<void> }> {
  await inTime(client.ready(), "coming back");
  const pair = await inTime(lane.connection(), "a connection");
  // The first bytes that come back are the reply, or at least no sooner: nothing else is going on.
  const replied = new Promise<void>((resolve) => {
    pair.caught = () => {
      pair.caught = undefined;
      if (one.paths === LOST) lane.hold();
      pair.reset();
      resolve();
    };
  });
  const options = one.keyed ? { key: id } : {};
  const outcome = inTime(client.call.run({ id, n }, options), `call ${id}`).then((value) => {
    findings.add("value");
    findings.expect(value, 2 * n, `value of ${id}`);
  }, (error: unknown) => {
    const isAmbiguous = error instanceof CallError && error.ambiguous;
    findings.add(isAmbiguous ? "ambiguous" : "other");
    if (!isAmbiguous || one.outcome !== "ambiguous") findings.wrong(`${id} ended with ${error}`);
  });
  findings.add("calls");
  await inTime(replied, `the reply to ${id}`);
  return { outcome };
}

/** Lets a client through again when both ends know that its connection is lost; a session that runs out has run out then. */
async function forgotten(world: World, { name, client, lane }: Peer, cuts: number): Promise<void> {
  await inTime(ask(world, { gone: name, times: cuts }), `the loss of connection ${cuts}`);
  await inTime(eventually(() => client.state.status !== "open"), "noticing the loss");
  await pause(5);
  lane.release();
}
