// The scripts: what each is given when nothing else is said, and in the test command, where it has seconds; and which metric counts the work
// of the steady part, for the server's CPU.
import { execFileSync } from "node:child_process";

/** Descriptors that k6 and the server need beside their connections. */
const SPARE = 500;
/** Ports of the loopback that Linux gives to clients by default, less those that others may have. */
const PORTS = 25_000;

/**
 * @typedef {object} Settings  handed to the script in capitals
 * @property {number} connections
 * @property {number} [rate]  operations a second
 * @property {number} [burst]  calls of a connection at one moment
 * @property {number} warmUp  seconds
 * @property {number} seconds  that count
 */

/**
 * @typedef {object} Script
 * @property {string} title
 * @property {string} [counts]  the metric of the work in the steady part
 * @property {string} [unit]  of one of it
 * @property {boolean} [speaksAll]  it can drive other contenders than Millrace
 * @property {number} [opens]  connections that k6 opens in a second beside those that it holds: its warm-up follows from their number
 * @property {Settings} defaults
 * @property {Partial<Settings>} smoke  over the defaults
 */

const ANSWERS = { counts: "answers{phase:steady}", unit: "call" };

/** @type {Record<string, Script>} */
export const scripts = {
  throughput: {
    title: "small calls at a fixed rate over open connections",
    ...ANSWERS,
    speaksAll: true,
    defaults: { connections: 50, rate: 2_000, burst: 1, warmUp: 2, seconds: 10 },
    smoke: { connections: 10, rate: 300, warmUp: 0.5, seconds: 1, kept: 0.3 },
  },
  connections: {
    title: "opens connections up to a number, then calls over all of them",
    ...ANSWERS,
    opens: 150,
    // k6 stops for its collector while it holds so many: a call then leaves late. With 10,000 answers took over a second, with 16,700 calls failed.
    defaults: { connections: Math.min(mostConnections(), 8_000), rate: 300, seconds: 15, kept: 0.8 },
    smoke: { connections: 200, rate: 200, warmUp: 1, seconds: 1, kept: 0.3 },
  },
  fan_out: {
    title: "one producer of a channel, many subscribers",
    counts: "items{phase:steady}",
    unit: "item",
    defaults: { connections: 500, rate: 5, warmUp: 4, seconds: 10 },
    smoke: { connections: 40, rate: 10, warmUp: 0.5, seconds: 1, kept: 0.3 },
  },
  reconnect: {
    title: "all connections end at once, all clients come back",
    defaults: { connections: 2_000, warmUp: 8, seconds: 15, jitter: 2_000, side: "server" },
    smoke: { connections: 50, warmUp: 1, seconds: 2, jitter: 300 },
  },
  spike: {
    title: "ten times the load for a while",
    ...ANSWERS,
    defaults: { connections: 50, rate: 200, warmUp: 3, seconds: 24, visits: 5, times: 10 },
    smoke: { connections: 10, rate: 40, warmUp: 0.5, seconds: 2.4, kept: 0.3, quick: 500 },
  },
  soak: {
    title: "moderate load for long: memory",
    ...ANSWERS,
    defaults: { connections: 20, rate: 500, warmUp: 5, seconds: 300, visits: 5 },
    smoke: { connections: 5, rate: 100, warmUp: 0.5, seconds: 3, kept: 0.3 },
  },
};

/** As many as descriptors and ports allow: k6 and the server each have one for every connection. */
function mostConnections() {
  try {
    const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
    return Math.min(PORTS, (limit === "unlimited" ? PORTS : Number(limit)) - SPARE);
  } catch {
    return 1_000;
  }
}
