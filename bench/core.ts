// Nanoseconds of one small call through the whole server in memory: the runtime's adapter, the connection, the protocol core, zod, the
// handler and the answer, over a socket that throws away what it is given. Beside it the JSON RPC by hand on the same socket.
//   deno run -A bench/core.ts        bun bench/core.ts
// CPU time, the least of many short rounds that take turns: what the code costs when nothing else has the core. No kernel, no runtime's socket.
import process from "node:process";
import { type App, endTurn, open, settle } from "./core/socket.ts";
import { jsonFrames, millraceFrames } from "./core/frames.ts";

const ROUNDS = 40;
const ROUND_MS = 12;

/** A turn of one contender: frames come in, then the turn ends. `make` alone is what making the frames costs. */
interface Contender {
  readonly name: string;
  turn(): void;
  make(): void;
  least: { turn: number; make: number };
}

const shapes = [
  { title: "16 frames in a turn", frames: 16, perFrame: 1 },
  { title: "1 frame in a turn", frames: 1, perFrame: 1 },
  { title: "16 calls in a frame", frames: 1, perFrame: 16 },
];

/** Nanoseconds of CPU for each run of `one`. */
function time(one: () => void): number {
  let runs = 0;
  const before = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  while (performance.now() < until) {
    for (let i = 0; i < 50; i++) one();
    runs += 50;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000 / runs;
}

async function millrace(shape: { frames: number; perFrame: number }): Promise<Contender> {
  const { app } = await import("./contenders/millrace.ts");
  const receive = open(app as unknown as App);
  const frames = millraceFrames(shape.perFrame);
  receive(frames.hello());
  await settle();
  receive(frames.first());
  await settle();
  return contender("millrace", shape.frames, () => frames.next(), receive);
}

async function json(shape: { frames: number; perFrame: number }): Promise<Contender> {
  const { default: app } = await import("./contenders/json_rpc.ts");
  const next = jsonFrames(shape.perFrame);
  return contender("json", shape.frames, next, open(app as unknown as App));
}

/** Ids go on from round to round, so what was only made must not use any: the frames are made in both, and sent in one. */
function contender<Frame>(
  name: string,
  count: number,
  next: () => { frame: Frame; take(): void },
  receive: (frame: Frame) => void,
): Contender {
  return {
    name,
    least: { turn: Infinity, make: Infinity },
    make: () => {
      for (let i = 0; i < count; i++) kept = next().frame;
    },
    turn: () => {
      for (let i = 0; i < count; i++) {
        const made = next();
        made.take();
        receive(made.frame);
      }
      endTurn();
    },
  };
}

export let kept: unknown;

for (const shape of shapes) {
  const contenders = [await millrace(shape), await json(shape)];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { turn, make, least } of contenders) {
      least.turn = Math.min(least.turn, time(turn));
      least.make = Math.min(least.make, time(make));
    }
  }
  const [ours, theirs] = contenders.map(({ least }) =>
    (least.turn - least.make) / (shape.frames * shape.perFrame)
  );
  console.log(
    `${shape.title}: millrace ${ours!.toFixed(0)} ns, json ${theirs!.toFixed(0)} ns, json/millrace ${
      (theirs! / ours!).toFixed(2)
    }`,
  );
}
process.exit();
