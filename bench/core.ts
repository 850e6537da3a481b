// Nanoseconds of one small call through the whole server in memory: the runtime's adapter, the connection, the protocol core, zod, the
// handler and the answer, over a socket that throws away what it is given. Beside it the JSON RPC by hand on the same socket.
//   deno run -A bench/core.ts [--no-session] [--only "1 frame"]        bun bench/core.ts
// CPU time, the least of many short rounds that take turns: what the code costs when nothing else has the core. No kernel, no runtime's socket.
import process from "node:process";
import { flagsOf } from "./flags.ts";
import { type App, endTurn, open, settle } from "./core/socket.ts";
import { jsonFrames, millraceFrames } from "./core/frames.ts";

const options = flagsOf("core.ts", {
  "no-session": { type: "boolean", default: false },
  only: { type: "string", default: "" },
});

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
  { title: "16 frames in a turn", connections: 1, frames: 16, perFrame: 1 },
  { title: "1 frame in a turn", connections: 1, frames: 1, perFrame: 1 },
  { title: "16 calls in a frame", connections: 1, frames: 1, perFrame: 16 },
  // What each connection keeps is in the processor's caches no more when its next call comes.
  { title: "500 connections, 1 frame each in a turn", connections: 500, frames: 1, perFrame: 1 },
];
type Shape = (typeof shapes)[number];

/** Nanoseconds of CPU for each run of `one`. */
function time(one: () => void, each: number): number {
  let runs = 0;
  const before = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  while (performance.now() < until) {
    for (let i = 0; i < each; i++) one();
    runs += each;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000 / runs;
}

async function millrace(shape: Shape): Promise<Contender> {
  const { app } = await import("./contenders/millrace.ts");
  const framesOf = millraceFrames(shape.perFrame);
  const connections = Array.from({ length: shape.connections }, () => {
    const frames = framesOf();
    const receive = open(app as unknown as App);
    receive(frames.hello(!options["no-session"]));
    return { frames, receive };
  });
  await settle();
  for (const { frames, receive } of connections) receive(frames.first());
  await settle();
  const one = contender(
    "millrace",
    shape.frames,
    connections.map(({ frames, receive }) => ({ next: () => frames.next(), receive })),
  );
  const turn = () => {
    one.turn();
    for (const { frames, receive } of connections) {
      const acknowledgement = frames.acknowledgement();
      if (acknowledgement !== undefined) receive(acknowledgement);
    }
  };
  return { ...one, turn };
}

async function json(shape: Shape): Promise<Contender> {
  const { default: app } = await import("./contenders/json_rpc.ts");
  const next = jsonFrames(shape.perFrame);
  const connections = Array.from({ length: shape.connections }, () => ({
    next,
    receive: open(app as unknown as App),
  }));
  return contender("json", shape.frames, connections);
}

interface Source<Frame> {
  next(): { frame: Frame; take(): void };
  receive(frame: Frame): void;
}

/** Ids go on from round to round, so what was only made must not use any: the frames are made in both, and sent in one. */
function contender<Frame>(name: string, count: number, connections: Source<Frame>[]): Contender {
  return {
    name,
    least: { turn: Infinity, make: Infinity },
    make: () => {
      for (const { next } of connections) {
        for (let i = 0; i < count; i++) kept = next().frame;
      }
    },
    turn: () => {
      for (const { next, receive } of connections) {
        for (let i = 0; i < count; i++) {
          const made = next();
          made.take();
          receive(made.frame);
        }
      }
      endTurn();
    },
  };
}

export let kept: unknown;

const wanted = shapes.filter(({ title }) => title.startsWith(options.only));
if (wanted.length === 0) {
  console.error(
    `Cannot run only ${options.only}: choose from ${shapes.map(({ title }) => title).join("; ")}`,
  );
  process.exit(2);
}

for (const shape of wanted) {
  const contenders = [await millrace(shape), await json(shape)];
  const each = Math.ceil(50 / shape.connections);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { turn, make, least } of contenders) {
      least.turn = Math.min(least.turn, time(turn, each));
      least.make = Math.min(least.make, time(make, each));
    }
  }
  const [ours, theirs] = contenders.map(({ least }) =>
    (least.turn - least.make) / (shape.connections * shape.frames * shape.perFrame)
  );
  console.log(
    `${shape.title}: millrace ${ours!.toFixed(0)} ns, json ${theirs!.toFixed(0)} ns, json/millrace ${
      (theirs! / ours!).toFixed(2)
    }`,
  );
}
process.exit();
