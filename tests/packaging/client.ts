// The client of somebody who installed the package, in a form that Node 22 runs as it is (it has no `await
// using`). A stream, a channel and a call from the server are code that is loaded on the way.
import process from "node:process";
import { connect } from "@millrace/millrace/client";
import { connect as connectWhole } from "@millrace/millrace/client/whole";
import type { App } from "./server.ts";

const url = `ws://127.0.0.1:${process.env.PORT}/`;

for (const make of [connect, connectWhole] as (typeof connect)[]) {
  const app = make<App>(url, { client: { double: (n) => 2 * n } });
  try {
    same(await app.call.add({ a: 1, b: 2 }), 3);
    const counted: number[] = [];
    for await (const n of app.call.countdown(3)) counted.push(n);
    same(counted.join(), "3,2,1");
    same(await app.call.askBack(4), 8);
    const news = app.channel("news");
    await news.publish("first");
    const { entries } = await news.history();
    same(entries.at(-1)?.data, "first");
    console.log("called");
  } finally {
    app.close();
  }
}

function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${actual} came back, not ${expected}`);
}
