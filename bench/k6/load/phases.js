// The times of a run. All connections and run.mjs go by them: it reads the server's CPU where a line of the clock tells it to.
import exec from "k6/execution";
import { sleep } from "k6";
import { measured, warmUp } from "./settings.js";

/** How long the last answers may take. */
export const PATIENCE = 5_000;
/** From the start of the run to its latest end. */
export const longest = warmUp + measured + PATIENCE + 5_000;

/** When this scenario, and with it the run, has begun: ms since 1970. */
export function beginning() {
  return exec.scenario.startTime;
}

/** "warm-up", "steady" or "drain": the tag of what happens now. */
export function phaseAt(now, begin) {
  if (now < begin + warmUp) return "warm-up";
  return now < begin + warmUp + measured ? "steady" : "drain";
}

/** The scenario that tells run.mjs the time: add it to `scenarios`, and export {@linkcode clock}. */
export const clockScenario = {
  exec: "clock",
  executor: "per-vu-iterations",
  vus: 1,
  iterations: 1,
  maxDuration: `${Math.ceil(longest / 1000)}s`,
  gracefulStop: "0s",
};

/** Tells run.mjs where the part begins and ends that counts. */
export function clock() {
  const until = (time) => sleep(Math.max(0, time - Date.now()) / 1000);
  until(beginning() + warmUp);
  console.log("@steady begins");
  until(beginning() + warmUp + measured);
  console.log("@steady ends");
}
