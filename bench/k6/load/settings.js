// What run.mjs tells a script: `-e NAME=VALUE` for each. The defaults are for those who start k6 themselves.

/** Where the server is. */
export const url = __ENV.URL || "ws://127.0.0.1:8000/";
/** How many connections stay open. */
export const connections = number("CONNECTIONS", 50);
/** Calls a second, of all connections together. */
export const rate = number("RATE", 2_000);
/** Calls that a connection makes at one moment, each in a frame of its own. */
export const burst = number("BURST", 1);
/** Milliseconds before anything counts, and milliseconds that count. */
export const warmUp = number("WARM_UP", 2) * 1000;
export const measured = number("SECONDS", 8) * 1000;
/** Who serves, and which wire it speaks: for the script that can drive several. */
const contender = __ENV.CONTENDER || "millrace";
export const wire = __ENV.WIRE || contender;

/** On every metric of the run. */
export const tags = { contender, runtime: __ENV.RUNTIME || "unknown", script: __ENV.SCRIPT || "unknown" };

/** The rest of a run's options: what all scripts have. */
export const common = {
  tags,
  systemTags: ["scenario", "status", "error_code"],
  summaryTrendStats: ["min", "med", "avg", "p(90)", "p(95)", "p(99)", "max"],
  discardResponseBodies: true,
};

/** A number that run.mjs gave, else this one. */
export function number(name, otherwise) {
  const given = __ENV[name];
  return given === undefined || given === "" ? otherwise : Number(given);
}

/** One VU that holds its connections until it is done: the executor of everything that is paced within. */
export function held(exec, vus, ms) {
  const seconds = Math.ceil(ms / 1000);
  return {
    exec,
    executor: "per-vu-iterations",
    vus,
    iterations: 1,
    maxDuration: `${seconds}s`,
    gracefulStop: "0s",
  };
}
