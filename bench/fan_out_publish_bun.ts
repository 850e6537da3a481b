// What Bun's native topics would bring, which nothing here uses (docs/decisions.md, 35): `server.publish` of one frame to 1,000 sockets, against a loop of
// `Socket.send` with the same shared frame, as the hub does it. Each with the publications of a turn in frames of their own and merged into one.
//
//   taskset -c 0 bun bench/fan_out_publish_bun.ts [--seconds 2] [--repeats 3] [--subscribers 1000] [--bytes 128]
//     [--only 'four a turn']
//
// The subscribers are raw sockets of a child on the other core, which says when all have everything; then the next round begins. CPU is the
// server's, all threads; it says more than the rate.
import { connect, type Socket as RawSocket } from "node:net";
import process from "node:process";
import { SocketGroup } from "../src/group.ts";
import type { Socket } from "../src/socket.ts";
import { checkUpgrade, snapshot } from "../src/upgrade.ts";
import { flagsOf } from "./flags.ts";

const flags = flagsOf("fan_out_publish_bun.ts", {
  seconds: { type: "string", default: "2" },
  repeats: { type: "string", default: "3" },
  subscribers: { type: "string", default: "1000" },
  bytes: { type: "string", default: "128" },
  only: { type: "string", default: "" },
  port: { type: "string" },
});
const [seconds, repeats, subscribers, bytes] = [
  flags.seconds,
  flags.repeats,
  flags.subscribers,
  flags.bytes,
].map(Number) as [number, number, number, number];
if (![seconds, repeats, subscribers, bytes].every((value) => value > 0)) {
  console.error("Cannot use these numbers: each must be above 0");
  process.exit(2);
}

const SHARED = { shared: true };

if (flags.port === undefined) await serve();
else listen(Number(flags.port));

/** Publications of one round, and how many turns they come in. */
interface Case {
  readonly name: string;
  readonly count: number;
  readonly turns: number;
}

interface Way {
  readonly name: string;
  readonly isNative: boolean;
  readonly isMerged: boolean;
}

async function serve(): Promise<void> {
  const cases = [
    { name: "one at a time", count: 1, turns: 1 },
    { name: "64 in a turn", count: 64, turns: 1 },
    { name: "64, one a turn", count: 64, turns: 64 },
    { name: "64, four a turn", count: 64, turns: 16 },
  ].filter(({ name }) => name.includes(flags.only));
  if (cases.length === 0) throw new Error(`Cannot run only ${flags.only}: no case has that in its name`);
  const ways: Way[] = [
    { name: "loop", isNative: false, isMerged: false },
    { name: "loop, merged", isNative: false, isMerged: true },
    { name: "native", isNative: true, isMerged: false },
    { name: "native, merged", isNative: true, isMerged: true },
  ];
  const results = new Map<string, { rate: number[]; cpu: number[] }>();
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const way of ways) await rounds(way, cases, results);
  }
  for (const one of cases) {
    const base = median(results.get(`${one.name} loop, merged`)!.cpu);
    for (const way of ways) {
      if (one.count === one.turns && way.isMerged && way.isNative) continue; // the same as unmerged
      const { rate, cpu } = results.get(`${one.name} ${way.name}`)!;
      const [k, us] = [median(rate) / 1_000, median(cpu)];
      console.log(
        `${one.name.padEnd(16)} ${way.name.padEnd(15)} ${k.toFixed(0).padStart(6)} k/s  ` +
          `${us.toFixed(2)} µs CPU a delivery (${Math.min(...cpu).toFixed(2)} to ${
            Math.max(...cpu).toFixed(2)
          })  ` +
          `${(base / us).toFixed(2)}x the merged loop`,
      );
    }
  }
  process.exit(0);
}

async function rounds(
  way: Way,
  cases: readonly Case[],
  results: Map<string, { rate: number[]; cpu: number[] }>,
): Promise<void> {
  const opened = Promise.withResolvers<void>();
  const group = new SocketGroup<undefined>({
    handlers: {
      open: () => void (group.sockets.size === subscribers && opened.resolve()),
      message: () => {},
    },
  });
  const { open } = group.websocket;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, info) {
      const copy = snapshot(request, info);
      return checkUpgrade(copy) ?? group.accept(request, { info, snapshot: copy, data: undefined });
    },
    websocket: {
      ...group.websocket,
      open(socket: Bun.ServerWebSocket<never>) {
        if (way.isNative) socket.subscribe("all");
        open(socket);
      },
    } as Bun.WebSocketHandler<never>,
  });
  const args = ["--port", String(server.port), "--subscribers", String(subscribers)];
  const child = Bun.spawn(["taskset", "-c", "1", process.execPath, import.meta.filename, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = lines(child.stdout);
  await opened.promise;
  const publish = way.isNative
    ? (frame: Uint8Array<ArrayBuffer>) => check(server.publish("all", frame, false))
    : (frame: Uint8Array<ArrayBuffer>) => send(group.sockets, frame);
  for (const one of cases) {
    const expected = frameBytes(one, way) * subscribers;
    const round = async () => {
      child.stdin.write(`${expected}\n`);
      child.stdin.flush();
      await said(); // "ready": the clock of a round includes this for all ways alike
      const all = said();
      await publishAll(one, way, publish);
      await all;
    };
    for (const end = performance.now() + 500; performance.now() < end;) await round();
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    let count = 0;
    while (performance.now() < started + seconds * 1_000) {
      await round();
      count++;
    }
    const { user, system } = process.cpuUsage(cpu);
    const deliveries = count * one.count * subscribers;
    const key = `${one.name} ${way.name}`;
    const result = results.get(key) ?? { rate: [], cpu: [] };
    results.set(key, result);
    result.rate.push(deliveries / (performance.now() - started) * 1_000);
    result.cpu.push((user + system) / deliveries);
  }
  child.kill();
  await child.exited;
  await server.stop(true);
}

function publishAll(
  { count, turns }: Case,
  { isMerged }: Way,
  publish: (frame: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const each = count / turns;
  return new Promise((resolve) => {
    let left = turns;
    const turn = () => {
      if (isMerged) publish(new Uint8Array(bytes * each));
      else for (let i = 0; i < each; i++) publish(new Uint8Array(bytes));
      if (--left === 0) resolve();
      else setImmediate(turn);
    };
    setImmediate(turn); // where the hub distributes
  });
}

function send(sockets: ReadonlySet<Socket<undefined>>, frame: Uint8Array): void {
  for (const socket of sockets) {
    if (socket.send(frame, SHARED) === "closed") throw new Error("A subscriber has gone");
  }
}

function check(result: number): void {
  if (result === 0) throw new Error("Dropped");
}

/** What one subscriber reads in a round, heads of frames included. */
function frameBytes({ count, turns }: Case, { isMerged }: Way): number {
  const frames = isMerged ? turns : count;
  const size = bytes * count / frames;
  return frames * (size + (size < 126 ? 2 : size < 65_536 ? 4 : 10));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function lines(stream: ReadableStream<Uint8Array>): () => Promise<void> {
  let waiting: (() => void) | undefined;
  let ahead = 0;
  void (async () => {
    for await (const piece of stream) {
      for (const byte of piece) {
        if (byte !== 10) continue;
        if (waiting === undefined) ahead++;
        else waiting();
        waiting = undefined;
      }
    }
  })();
  return () =>
    new Promise((resolve) => {
      if (ahead > 0) {
        ahead--;
        resolve();
      } else waiting = resolve;
    });
}

/** The child: subscribers that count bytes. A line of stdin says how many make a round, a line of stdout that they are there. */
function listen(port: number): void {
  let expected = Infinity;
  let got = 0;
  const look = () => {
    if (got < expected) return;
    if (got > expected) throw new Error(`${got} bytes instead of ${expected}`);
    got = 0;
    expected = Infinity;
    process.stdout.write("\n");
  };
  process.stdin.on("data", (text) => {
    expected = Number(String(text).trim());
    process.stdout.write("\n");
    look();
  });
  for (let i = 0; i < subscribers; i++) open(port, (size) => void (got += size, look()));
}

function open(port: number, received: (size: number) => void): RawSocket {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(
    "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  let head = "";
  let isOpen = false;
  socket.on("data", (data) => {
    if (isOpen) return received(data.length);
    head += data.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    isOpen = true;
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(head);
    if (head.length > end + 4) received(head.length - end - 4);
  });
  return socket;
}
