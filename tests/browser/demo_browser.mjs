// The demo's page in headless Chromium, served by Deno and by Bun: what a person can do there, by pointer, by keyboard alone, on a phone's width.
import { chromium } from "playwright-core";
import { start } from "../../tools/child.mjs";
import { freePort, listens } from "../../tools/ports.mjs";
import { chromium as findChromium, root, runtimes } from "../../tools/setup.mjs";
import * as demo from "./demo_steps.mjs";
import * as place from "./place_steps.mjs";
import { attempt, finish, report } from "./attempts.mjs";

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 780 };
/** What two people do, one at a desk, one with a phone. */
const TOGETHER = [
  "people",
  "windows",
  "board",
  "chat",
  "reactions",
  "changes",
  "notifications",
  "scores",
  "sky",
  "leaves",
];
const QUIET =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** What is tried: where, with which settings of the browser, and in which order. */
const runs = [
  {
    runtime: "deno",
    title: "desktop",
    context: { viewport: DESKTOP },
    steps: [
      "opens",
      "figures",
      "board",
      "chat",
      "call",
      "stream",
      "bytes",
      "errors",
      "upload",
      "cancelUpload",
      "cancelCall",
      "reconnects",
      "names",
    ],
  },
  {
    runtime: "deno",
    title: "keyboard alone, less motion",
    context: { viewport: DESKTOP, reducedMotion: "reduce", colorScheme: "dark" },
    steps: ["opens", "keyboard", "still"],
  },
  {
    runtime: "deno",
    title: "phone",
    context: { viewport: PHONE, hasTouch: true, isMobile: true },
    steps: ["opens", "narrow", "figures", "call", "errors", "narrow"],
  },
  {
    runtime: "bun",
    title: "desktop",
    context: { viewport: DESKTOP },
    steps: [
      "opens",
      "figures",
      "board",
      "chat",
      "call",
      "stream",
      "errors",
      "upload",
      "cancelUpload",
      "cancelCall",
      "reconnects",
    ],
  },
];

const rt = await runtimes();
const browser = await chromium.launch({ executablePath: await findChromium(), args: QUIET.split(" ") });
try {
  for (const runtime of ["deno", "bun"]) await serve(runtime);
} finally {
  await browser.close();
}
finish();

async function serve(runtime) {
  const port = await freePort();
  const args = runtime === "deno"
    ? ["serve", "-A", "--no-lock", "--port", String(port), "examples/demo/app.ts"]
    : ["examples/demo/app.ts"];
  const server = start(rt[runtime], args, { cwd: root, env: { PORT: String(port) } });
  try {
    if (!(await listens(port))) {
      throw new Error(`the demo did not listen under ${runtime}\n${server.output()}`);
    }
    await sideBySide(runtime, port);
    for (const one of runs.filter((one) => one.runtime === runtime)) await runAll(one, port);
  } catch (error) {
    report(`${runtime}: the server`, error);
  } finally {
    await server.stop();
  }
}

async function sideBySide(runtime, port) {
  const complaints = [];
  const ann = await open({ viewport: DESKTOP }, { port, complaints });
  const ben = await open({ viewport: PHONE, hasTouch: true, isMobile: true }, { port, complaints });
  for (const step of TOGETHER) {
    await attempt(`${runtime}, side by side: ${place[step].title}`, () => place[step](ann, ben));
  }
  await attempt(
    `${runtime}, side by side: nothing in the console`,
    () => demo.equal(complaints.join("\n"), ""),
  );
  for (const page of [ann, ben]) await page.context().close();
}

async function runAll({ runtime, title, context: settings, steps }, port) {
  const complaints = [];
  const page = await open(settings, { port, complaints });
  for (const step of steps) {
    await attempt(`${runtime}, ${title}: ${demo[step].title ?? step}`, () => demo[step](page, runtime));
  }
  await attempt(`${runtime}, ${title}: nothing in the console`, () => demo.equal(complaints.join("\n"), ""));
  await page.context().close();
}

async function open(settings, { port, complaints }) {
  const page = await (await browser.newContext(settings)).newPage();
  page.setDefaultTimeout(10_000);
  page.on(
    "console",
    (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()),
  );
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`http://127.0.0.1:${port}/`);
  return page;
}
