// What is measured. Each is written once, in load/workload/, and runs against every contender that has what it needs.

const KIB = 1024;

/**
 * @typedef {object} Workload
 * @property {string} name  as `--only` takes it
 * @property {string} title
 * @property {string} unit  what one operation is
 * @property {string} needs  what a contender must have for it
 * @property {object} job  what the generator is told: the fields of load/workload/job.go; run.mjs adds the times
 * @property {boolean} [quick]  part of `--quick`
 * @property {boolean} [byName]  only where --only names it
 * @property {boolean} [noPeers]  in a run of everything without them
 * @property {boolean} [memory]  its figure is memory, not a rate
 * @property {number} [slow]  times as long to warm up: where few calls come, compilers see too few of them in the time that others need
 * @property {number} [own]  seconds that it takes, where it has no warm-up and no time
 * @property {number} [more]  seconds beside them
 */

/** In the order of the table. @type {Workload[]} */
export const WORKLOADS = [
  {
    ...calls("unary-1x1", "small call, 1 connection, 1 in flight", { connections: 1, inFlight: 1 }, true),
    slow: 2,
  },
  calls("unary-50x16", "small call, 50 connections, 16 in flight", { connections: 50, inFlight: 16 }, true),
  calls("unary-500x1", "small call, 500 connections, 1 in flight", { connections: 500, inFlight: 1 }),
  {
    ...calls("unary-1k", "call of 1 KiB of text, 50 connections, 16 in flight", {
      connections: 50,
      inFlight: 16,
      text: KIB,
    }),
    noPeers: true, // they come in the order of unary-50x16
  },
  {
    name: "frame-16",
    title: "16 calls in a frame, 8 connections, 4 frames in flight",
    unit: "call",
    needs: "frames",
    job: { workload: "unary", connections: 8, inFlight: 4, perFrame: 16 },
    quick: true,
  },
  {
    name: "binary-64k",
    title: "64 KiB binary call, 8 connections, 2 in flight",
    unit: "call",
    needs: "binary",
    job: { workload: "unary", connections: 8, inFlight: 2, perFrame: 1, binary: 64 * KIB },
    quick: true,
  },
  {
    name: "stream",
    title: "stream of small items, 8 connections",
    unit: "item",
    needs: "streams",
    job: { workload: "stream", connections: 8, items: 5_000 },
    quick: true,
  },
  {
    name: "upload",
    title: "small call at a time, while an upload fills its connection",
    unit: "MiB",
    needs: "uploads",
    job: { workload: "upload", piece: 64 * KIB, warmUpMib: 16 },
    own: 2,
  },
  {
    name: "handshakes",
    title: "connect, first call, close: 32 at once",
    unit: "connection",
    needs: "calls",
    job: { workload: "handshake", atOnce: 32 },
    slow: 4,
  },
  { ...idle(2), byName: true }, // with the other: what each connection more takes, and what is taken once
  idle(10),
  { ...idle(18), byName: true },
  {
    name: "connections-50",
    title: "3,200 small calls a second over 50 connections",
    unit: "call",
    needs: "calls",
    job: { workload: "paced", connections: 50, rate: 3_200 },
    slow: 3,
  },
  spread(1),
  { ...spread(4), byName: true }, // what it says lies between the others, and two hours are full
  spread(10),
  spread(18),
  // The first half of the warm-up in bursts: load/workload/fanout.go.
  { ...fanOut("fan-out", "fan-out 1 to 1,000, 128 bytes, one at a time", 1), slow: 3 },
  // The last burst of the warm-up and that of the time are waited for.
  { ...fanOut("fan-out-bursts", "fan-out 1 to 1,000, 128 bytes, 64 at a time", 64), more: 1.3 },
  {
    // 1,000 publications, or 1 MiB, is what a server sends ahead to who acknowledges nothing; who is silent is cut 23 s later at most.
    name: "fan-out-stalled",
    title: "4 KiB, 20 a second, to 2,000 of whom 1,000 stop reading: those who go on",
    unit: "delivery",
    needs: "recovery",
    job: { workload: "stalled", subscribers: 2_000, rate: 20, text: 4 * KIB, stalledMs: 40_000 },
    more: 46,
  },
  {
    name: "storm",
    title: "5,000 connections are cut and come back at once",
    unit: "connection",
    needs: "calls",
    job: { workload: "storm", connections: 5_000, rounds: 3 },
    own: 11,
  },
];

function calls(name, title, shape, quick = false) {
  return {
    name,
    title,
    unit: "call",
    needs: "calls",
    job: { workload: "unary", perFrame: 1, ...shape },
    quick,
  };
}

function idle(thousands) {
  return {
    name: `idle-${thousands}k`,
    title: `${thousands},000 connections that do nothing`,
    unit: "connection",
    needs: "calls",
    job: { workload: "idle", connections: thousands * 1_000 },
    memory: true,
    own: 6 + thousands * 0.4,
  };
}

/** As many calls a second, over more and more connections. */
function spread(thousands) {
  return {
    name: `connections-${thousands}k`,
    title: `10,000 small calls a second over ${thousands},000 connections`,
    unit: "call",
    needs: "rate",
    job: { workload: "paced", connections: thousands * 1000, rate: 10_000 },
    slow: 1.5,
    more: thousands * 0.6,
  };
}

/** 116 characters make 128 bytes of MessagePack. */
function fanOut(name, title, burst) {
  const job = { workload: "fanout", subscribers: 1_000, text: 116, burst };
  return { name, title, unit: "delivery", needs: "channels", job };
}
