// The metrics that the scripts share, and what is written at the end.
import exec from "k6/execution";
import { Counter, Rate, Trend } from "k6/metrics";
import { number } from "./settings.js";

/** Calls that were answered as they must be. */
export const answers = new Counter("answers");
/** Calls that were answered wrong, with an error, or not at all. */
export const failed = new Counter("failed");
/** Messages that broke the protocol. */
export const violations = new Counter("violations");
/** Connections that ended though nobody wanted it. */
export const lost = new Counter("lost_connections");
/** Connections that could not be opened. */
export const refused = new Counter("failed_handshakes");
/** Clients that came, got what they wanted and left; and how long that took, in milliseconds. */
export const visits = new Counter("visits");
export const visit = new Trend("visit", true);
/** Milliseconds from a call to its answer: k6's clock has steps of 1 ms, and its interpreter is slow. Coarse. */
export const latency = new Trend("latency", true);
/** Whether calls left when they were due. Where they did not, k6 was the limit. */
export const kept = new Rate("kept_pace");

/** What must hold in every script: thresholds on what went wrong. A metric without a sample is 0. */
export const nothingWrong = {
  failed: ["count==0"],
  violations: ["count==0"],
  lost_connections: ["count==0"],
  failed_handshakes: ["count==0"],
};

/** Below this share k6 was the limit, and the run says nothing. The test command lowers it: there only the answers matter. */
export const pace = { kept_pace: [`rate>${number("KEPT", 0.95)}`] };

/** The same for scripts with paced calls. */
export const paced = {
  ...nothingWrong,
  ...pace,
  "answers{phase:steady}": ["count>0"],
  "latency{phase:steady}": ["p(99)<1000"],
};

/** Says what broke, the first few times: thousands of equal lines help nobody. */
export function violated(reason) {
  violations.add(1);
  complain(`violation: ${reason}`);
}

let complaints = 0;

/** A line for people: hundreds of VUs have mostly the same to say. */
export function complain(line) {
  if (exec.vu.idInTest <= 3 && complaints++ < 3) console.error(line);
}

/** `handleSummary`: all of it as JSON where run.mjs wants it, and our own metrics as lines. */
export function summarize(data) {
  const lines = Object.entries(data.metrics).filter(([name, { type }]) => isOurs(name, type)).map(line);
  const files = { stdout: `${lines.sort().join("\n")}\n` };
  if (__ENV.SUMMARY) files[__ENV.SUMMARY] = JSON.stringify(data, null, 2);
  return files;
}

function isOurs(name) {
  return !/^(http_|iteration|vus|data_|group_|checks)/.test(name);
}

function line([name, { values, thresholds = {} }]) {
  const shown = Object.entries(values).map(([key, value]) => `${key} ${Number(value.toFixed(3))}`);
  const crossed = Object.entries(thresholds).filter(([, { ok }]) => !ok).map(([rule]) => `  CROSSED ${rule}`);
  return `  ${name.padEnd(28)} ${shown.join(", ")}${crossed.join("")}`;
}
