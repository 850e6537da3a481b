// The client of somebody who installed the package, in a form that Node 22 runs as it is (it has no `await
// using`).
import process from "node:process";
import { connect } from "@millrace/millrace/client";
import type { App } from "./server.ts";

const app = connect<App>(`ws://127.0.0.1:${process.env.PORT}/`);
try {
  const sum: number = await app.call.add({ a: 1, b: 2 });
  if (sum !== 3) throw new Error(`1 + 2 came back as ${sum}`);
  console.log("called");
} finally {
  app.close();
}
