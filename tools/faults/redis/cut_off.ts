// Split brain: a node that cannot reach Redis for longer than anything waits, and goes on serving its clients, while the other node goes on with Redis.
import { CallError } from "../../../client/mod.ts";
import { eventually } from "../kit.ts";
import type { Node } from "./cluster.ts";
import type { Expected, Trial } from "./trial.ts";
import { Witness } from "./witness.ts";

/** Longer than the 5 s of a command, than the 20 s in which a node compares its channels once, and than the 30 s of H22. */
const CUT = 32_000;
/** What a node may take to say that it cannot. */
const REFUSED = 8_000;
/** What anything may take that waits for nothing. */
const SOON = 10_000;
const WITNESSES = 8;
/** Published before the cut and after it, and meanwhile in a channel that keeps 20: more than that, and less. */
const FEW = 3;
const MUCH = 60;
const LITTLE = 10;

/** Who listens to the channels that forget soon, and where. */
interface Witnesses {
  /** At the node that stays. */
  readonly near: readonly Witness[];
  /** At the node that is cut off. */
  readonly far: readonly Witness[];
  /** There too; kicked by the other node meanwhile. */
  readonly guest: Witness;
}

/**
 * The way of one node to Redis passes nothing for 32 s. While that lasts its clients stay connected, are told within 30 s that their subscriptions are not live, and what its server code publishes, and pages of history, are refused
 * as UNAVAILABLE; the other node goes on, and so do its clients. Then all that clients have published lands, once; whoever missed what the history has is given it, and
 * whoever missed more gets one reset before anything newer; who was kicked by the other node is closed. Nothing is lost or doubled, nobody else is reset.
 */
export async function cutOff(trial: Trial): Promise<Expected> {
  const { cluster: { nodes: [stays, cut] }, findings } = trial;
  const all = await witnesses(trial, stays, cut);
  try {
    for (const id of ["much", "little"]) await publish(trial, stays, { id, part: "before", count: FEW });
    const begun = () => [...all.near, ...all.far].every((one) => has(one, FEW, FEW));
    if (!await eventually(begun, SOON)) {
      findings.wrong("Not everybody heard what was published before the cut");
    }
    await trial.fault("the bun node is cut off from Redis for 32 s", () => whileCut(trial, stays, cut, all));
    await afterCut(trial, stays, all);
    return "nobody";
  } finally {
    await Promise.all([...all.near, ...all.far, all.guest].map(({ client }) => client.close()));
  }
}

async function witnesses({ findings }: Trial, stays: Node, cut: Node): Promise<Witnesses> {
  const at = (node: Node, what: string) =>
    Promise.all(
      Array.from({ length: WITNESSES }, (_, i) =>
        Witness.open(`${what} ${i}`, node, ["much", "little", "late"], findings)),
    );
  const [near, far] = await Promise.all([at(stays, "near"), at(cut, "far")]);
  return { near, far, guest: await Witness.open("guest", cut, [], findings) };
}

async function whileCut(trial: Trial, stays: Node, cut: Node, { near, far }: Witnesses): Promise<void> {
  const { findings, crowd } = trial;
  const until = performance.now() + CUT;
  cut.gate.hold();
  await refused(trial, cut, "first");
  await publish(trial, stays, { id: "much", part: "meanwhile", count: MUCH });
  await publish(trial, stays, { id: "little", part: "meanwhile", count: LITTLE });
  const goOn = () => near.every((one) => has(one, FEW + MUCH, FEW + LITTLE));
  if (!await eventually(goOn, SOON)) findings.wrong("The clients of the other node did not go on");
  await stays.ask({ kick: "guest" });
  await trial.busy(Math.max(0, until - REFUSED - performance.now()));
  await refused(trial, cut, "last");
  await noPages(trial, far[0]!);
  await trial.busy(Math.max(0, until - performance.now()));
  for (const one of far) {
    findings.expect(one.client.state.status, "open", `${one.name} while its node is cut off`);
    if (!has(one, FEW, FEW) || one.resets > 0) {
      findings.wrong(`${one.name} was told something while its node is cut off`);
    }
  }
  findings.counts["unanswered meanwhile"] = crowd.members.reduce(
    (sum, { unanswered }) => sum + unanswered,
    0,
  );
  const live = far.filter(({ isLive }) => isLive).length;
  findings.counts["doubts told"] = far.reduce((sum, { doubts }) => sum + doubts, 0);
  if (live > 0) findings.wrong(`${live} clients of the node still believe that they get everything`);
  cut.gate.goOn();
}

async function afterCut(trial: Trial, stays: Node, { near, far, guest }: Witnesses): Promise<void> {
  const { findings } = trial;
  const from = performance.now();
  const took = async (what: string, holds: () => boolean) => {
    if (!await eventually(holds, SOON)) {
      findings.wrong(`${what}: not ${SOON} ms after the way was open again`);
    }
    findings.counts[`${what} ms`] = Math.round(performance.now() - from);
  };
  await took("resets", () => far.every(({ resets }) => resets > 0));
  await took("given", () => far.every((one) => one.heard("little").length === FEW + LITTLE));
  await took("kicked", () => guest.client.state.status === "closed");
  for (const id of ["much", "little"]) await publish(trial, stays, { id, part: "after", count: FEW });
  await took(
    "all",
    () =>
      [...near, ...far].every((one) =>
        ["much", "little"].every((id) => one.heard(id).at(-1) === `after ${FEW - 1}`)
      ),
  );
  await trial.busy(2_000);
  const parts = (part: string, count: number) => Array.from({ length: count }, (_, i) => `${part} ${i}`);
  const [before, after] = [parts("before", FEW), parts("after", FEW)];
  const [much, little] = [MUCH, LITTLE].map((count) => [...before, ...parts("meanwhile", count), ...after]);
  for (const one of [...near, ...far]) {
    const isFar = far.includes(one);
    findings.expect(
      one.heard("much"),
      isFar ? [...before, "reset: history", ...after] : much,
      `${one.name}, much`,
    );
    findings.expect(one.heard("little"), little, `${one.name}, little`);
    // What was given up may have landed: once, in order, and for all.
    findings.expect(
      one.heard("late"),
      ["first", "last"].filter((value) => near[0]!.heard("late").includes(value)),
      `${one.name}, late`,
    );
  }
  for (const one of near) findings.expect(one.doubts, 0, `${one.name}, told that it is not live`);
  findings.counts["landed late"] = near[0]!.heard("late").length;
}

async function publish(
  { findings }: Trial,
  node: Node,
  { id, part, count }: { id: string; part: string; count: number },
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { published } = await node.ask({ in: "brief", id, publish: `${part} ${i}` });
    findings.expect(published, "ok", `${part} ${i} in ${id} by the ${node.runtime} node`);
  }
}

/** Server code of the node that is cut off publishes. */
async function refused({ findings }: Trial, node: Node, value: string): Promise<void> {
  const from = performance.now();
  const { published } = await node.ask({ in: "brief", id: "late", publish: value });
  const ms = Math.round(performance.now() - from);
  findings.expect(published, "UNAVAILABLE", `a publication of the ${node.runtime} node that is cut off`);
  if (ms > REFUSED) findings.wrong(`A node that is cut off took ${ms} ms to say that it cannot publish`);
  findings.counts[`${value} refused ms`] = ms;
}

/** One of its clients reads the history. */
async function noPages({ findings }: Trial, { client, name }: Witness): Promise<void> {
  const read = client.channel("brief/:id", { id: "much" }).history({ limit: 5 });
  const code = await read.then(
    () => "a page",
    (error) => error instanceof CallError ? error.code : String(error),
  );
  findings.expect(code, "UNAVAILABLE", `${name}, the history while its node is cut off`);
}

function has(one: Witness, much: number, little: number): boolean {
  return one.heard("much").length === much && one.heard("little").length === little;
}
