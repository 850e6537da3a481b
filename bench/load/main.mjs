// The load generator: one workload against one server, in a process of its own that run.mjs pins to its own core.
//   node bench/load/main.mjs '{"port":8000,"server":4711,"cores":[0,1],"dialect":"Echo","workload":"unary",...}'
// Prints one line of JSON: what was measured, or `error`.
import process from "node:process";
import { Connection } from "./connection.mjs";
import { Echo } from "./dialects/echo.mjs";
import { JsonRpc } from "./dialects/json_rpc.mjs";
import { Millrace } from "./dialects/millrace.mjs";
import { startMeter } from "./meter.mjs";
import { stream } from "./workloads/stream.mjs";
import { unary } from "./workloads/unary.mjs";
import { upload } from "./workloads/upload.mjs";

const DIALECTS = { Echo, JsonRpc, Millrace };
const WORKLOADS = { unary, stream, upload };

/** Connects, runs the job, and gives what was measured. */
async function run(job) {
  let fail;
  const failure = new Promise((_, reject) => fail = reject);
  failure.catch(() => {}); // whoever waits for it is told; nobody may be waiting
  const opened = Array.from(
    { length: job.connections },
    () => Connection.open(job.port, (error) => fail(error)),
  );
  const connections = await Promise.all(opened);
  const dialects = connections.map((connection) => new DIALECTS[job.dialect](connection));
  const meter = () => startMeter(job);
  try {
    return await WORKLOADS[job.workload](job, { dialects, failure, meter });
  } finally {
    for (const connection of connections) connection.close();
  }
}

try {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2]))));
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
}
process.exit(); // a timer of ours may still wait
