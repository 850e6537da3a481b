// Each example in headless Chromium, by turns under Deno and under Bun: pages see each other's, a cut connection recovers, the console stays empty.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { start } from "../../tools/child.mjs";
import { filesUnder } from "../../tools/files.mjs";
import { freePort, listens } from "../../tools/ports.mjs";
import { chromium as findChromium, root, runtimes } from "../../tools/setup.mjs";
import { attempt, finish, report } from "./attempts.mjs";
import { equal } from "./demo_steps.mjs";
import { Stage } from "./stage.mjs";
import * as chat from "./examples/chat.mjs";
import * as cursors from "./examples/cursors.mjs";
import * as notifications from "./examples/notifications.mjs";
import * as scores from "./examples/scores.mjs";
import * as tokens from "./examples/tokens.mjs";
import * as tracking from "./examples/tracking.mjs";

/** An example has fewer lines, all its files together. */
const MOST_LINES = 150;
const QUIET =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** What is tried, and under which runtime: each has half of them. */
const all = [
  ["chat", "deno", chat],
  ["cursors", "bun", cursors],
  ["scores", "deno", scores],
  ["notifications", "bun", notifications],
  ["tracking", "deno", tracking],
  ["tokens", "bun", tokens],
];
const chosen = process.argv.slice(2);

const rt = await runtimes();
const browser = await chromium.launch({ executablePath: await findChromium(), args: QUIET.split(" ") });
try {
  for (const [name, runtime, steps] of all) {
    if (chosen.length === 0 || chosen.includes(name)) await serve({ name, runtime, steps });
  }
} finally {
  await browser.close();
}
finish();

async function serve({ name, runtime, steps }) {
  const port = await freePort();
  const file = `examples/${name}/app.ts`;
  const args = runtime === "deno" ? ["serve", "-A", "--no-lock", "--port", String(port), file] : [file];
  const server = start(rt[runtime], args, { cwd: root, env: { PORT: String(port) } });
  const stage = await Stage.before(browser, port);
  try {
    if (!(await listens(port, 60_000))) throw new Error(`it did not listen under ${runtime}`);
    await attempt(`${name}: fewer than ${MOST_LINES} lines`, () => short(name));
    for (const [title, step] of Object.entries(steps.steps)) {
      await attempt(`${name}, ${runtime}: ${title}`, () => step(stage));
    }
    await attempt(`${name}: on a phone nothing is wider than the page`, () => narrow(stage));
    await attempt(`${name}: nothing in the console`, () => equal(stage.complaints.join("\n"), ""));
  } catch (error) {
    report(`${name}, ${runtime}: the server`, error);
    console.log(server.output());
  } finally {
    await stage.close();
    await server.stop();
  }
}

function short(name) {
  const lines = filesUnder(`examples/${name}`, /./)
    .map((path) => readFileSync(`${root}/${path}`, "utf8").split("\n").length - 1)
    .reduce((sum, lines) => sum + lines, 0);
  equal(lines < MOST_LINES && lines > 0, true, `${lines} lines are fewer`);
}

async function narrow(stage) {
  const page = await stage.open({ context: { viewport: { width: 390, height: 780 }, isMobile: true } });
  await page.locator("#state[data-state=open]").waitFor();
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  equal(content, window, "width");
}
