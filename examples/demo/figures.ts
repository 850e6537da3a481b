import process from "node:process";
import { z } from "zod";
import { procedure, sent, traffic } from "./procedure.ts";
import { pause } from "./time.ts";

/** How the server is doing, over the time since the figures before. */
export interface Figures {
  /** The server's clock. */
  at: Date;
  /** Processor time used, in percent of one core. */
  cpu: number;
  /** Resident memory, in bytes. */
  memory: number;
  /** The longest that the event loop kept a timer waiting, in milliseconds. */
  delay: number;
  /** Open connections. */
  connections: number;
  /** Calls and items received a second. */
  received: number;
  /** Answers and items sent a second. */
  sent: number;
}

/** How often the event loop is asked whether it is late. */
const PROBE = 20;

/** The live figures as a stream. Each reader has its own intervals. */
export function figuresOf(connections: () => number) {
  return procedure.stream(
    { input: z.object({ every: z.number().int().min(100).max(10_000).default(250) }) },
    ({ every }, { signal }) => sent(figures(every, { connections, signal })),
  );
}

async function* figures(
  every: number,
  { connections, signal }: { connections: () => number; signal: AbortSignal },
): AsyncGenerator<Figures, void> {
  const loop = watchLoop();
  try {
    for (let before = reading(); !signal.aborted;) {
      await pause(every, signal);
      const now = reading();
      yield { ...difference(before, now), delay: loop.worst(), connections: connections() };
      before = now;
    }
  } finally {
    loop.stop();
  }
}

/** Counters at one moment: times in milliseconds, traffic since the start. */
interface Reading {
  readonly at: number;
  readonly cpu: number;
  readonly received: number;
  readonly sent: number;
}

function reading(): Reading {
  const { user, system } = process.cpuUsage();
  return { ...traffic, at: performance.now(), cpu: (user + system) / 1_000 };
}

function difference(before: Reading, now: Reading): Omit<Figures, "delay" | "connections"> {
  const ms = now.at - before.at;
  return {
    at: new Date(),
    cpu: (now.cpu - before.cpu) / ms * 100,
    memory: process.memoryUsage().rss,
    received: (now.received - before.received) / ms * 1_000,
    sent: (now.sent - before.sent) / ms * 1_000,
  };
}

/** Notes how late a timer comes. `node:perf_hooks` has a histogram for this, but not on both runtimes alike. */
function watchLoop(): { worst(): number; stop(): void } {
  let due = performance.now() + PROBE;
  let most = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    most = Math.max(most, now - due);
    due = now + PROBE;
  }, PROBE);
  return {
    worst() {
      const worst = most;
      most = 0;
      return worst;
    },
    stop: () => clearInterval(timer),
  };
}
