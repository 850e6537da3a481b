import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { cases, runCase } from "./suites/conformance.ts";
import { app } from "./suites/conformance_app.ts";
import { runtimeName, serve, type Served } from "./suites/serve.ts";

describe(`an app and its client on ${runtimeName}`, () => {
  let served: Served;

  beforeAll(async () => {
    served = await serve(app);
  });

  afterAll(async () => {
    await app.shutdown({ deadline: 0 });
    await served.close();
  });

  for (const [name, run] of Object.entries(cases)) it(name, () => runCase(run, `${served.url}/rpc`));
});
