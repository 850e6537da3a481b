// Stands for a contender, PROFILE_CONTENDER: serves what it serves, and at SIGUSR2 samples its JavaScript for PROFILE_MS into PROFILE_FILE.
// So neither the start nor the warm-up is in it, as with `--cpu-prof`, which `deno serve` does not have. It is no `--preload`, which Deno 2.9.6
// takes there and does not load.
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import process from "node:process";
import { pathToFileURL } from "node:url";

/** µs between two samples. */
const INTERVAL = 500;

const session = new Session();
session.connect();

function post(method, parameters) {
  return new Promise((resolve, reject) => {
    session.post(method, parameters, (error, value) => error ? reject(error) : resolve(value));
  });
}

process.on("SIGUSR2", async () => {
  const { PROFILE_FILE: file, PROFILE_MS: ms } = process.env;
  await post("Profiler.enable");
  await post("Profiler.setSamplingInterval", { interval: INTERVAL });
  await post("Profiler.start");
  setTimeout(async () => {
    const { profile } = await post("Profiler.stop");
    writeFileSync(`${file}.part`, JSON.stringify(profile));
    renameSync(`${file}.part`, file);
  }, Number(ms));
});

const contender = await import(pathToFileURL(process.env.PROFILE_CONTENDER).href);
export default contender.default;
