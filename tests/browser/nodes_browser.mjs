// The demo on two nodes and a Redis, in headless Chromium: two tabs on two nodes; a node is stopped from the page, one is killed; tabs move, and all goes on.
import { chromium } from "playwright-core";
import { start } from "../../tools/child.mjs";
import { freePort, listens } from "../../tools/ports.mjs";
import { chromium as findChromium, root, runtimes } from "../../tools/setup.mjs";
import { equal, names, narrow, reads } from "./demo_steps.mjs";
import { attempt, finish, report } from "./attempts.mjs";

/** A tab has to be on another node after so many milliseconds. */
const MOVING = 10_000;
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true };
const QUIET =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const rt = await runtimes();
const port = await freePort();
const demo = start(rt.node, ["tools/demo.mjs", "--redis", "--port", String(port)], { cwd: root });
const browser = await chromium.launch({ executablePath: await findChromium(), args: QUIET.split(" ") });
try {
  equal(await Promise.race([listens(port, 60_000), demo.ended]), true, "the demo listens");
  const complaints = [];
  const [ann, ben] = [await open(DESKTOP, complaints), await open(PHONE, complaints)];
  await attempt("two tabs are on two nodes, and see each other", () => apart(ann, ben));
  await attempt("what one says the other reads, at the same place", () => talk(ann, ben, "hello"));
  await attempt("a reaction on one node is counted on both", () => reacts(ann, ben));
  await attempt("a node is stopped from the page, and its tab moves", () => moves(ann, ben, "Stop"));
  await attempt("a node that is started again gets the next tab", () => returns(ann, complaints));
  await attempt("a node is killed, and its tabs move", () => moves(ben, ann, "Kill"));
  await attempt("no scrolling sideways, nothing too small", () => narrow(ben));
  await attempt("every control has an accessible name", () => names(ann));
  await attempt("nothing in the console but the lost connections", () => equal(complaints.join("\n"), ""));
} catch (error) {
  report("the demo", error);
  console.log(demo.output());
} finally {
  await browser.close();
  demo.signal("SIGTERM"); // it ends its nodes and its Redis
  await demo.ended;
  await demo.stop();
}
finish();

async function open(settings, complaints) {
  const page = await (await browser.newContext(settings)).newPage();
  page.setDefaultTimeout(10_000);
  page.on("console", (message) => {
    const isLoss = /WebSocket connection to .* failed/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isLoss) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`http://127.0.0.1:${port}/`);
  await reads(page, "#node", /^node [AB], (Deno|Bun)$/);
  return page;
}

async function nodeOf(page) {
  return /^node (.)/.exec(await page.locator("#node").textContent())[1];
}

async function apart(ann, ben) {
  const [a, b] = [await ann.locator("#node").textContent(), await ben.locator("#node").textContent()];
  equal([a, b].sort().join("; "), "node A, Deno; node B, Bun", "the nodes of both tabs");
  await reads(ann, `#node-list li:has-text("Node ${await nodeOf(ann)}")`, /this tab/);
  await reads(ann, `#node-list li:has-text("Node ${await nodeOf(ben)}")`, /1 connection/);
  for (const page of [ann, ben]) await reads(page, "#people-count", /^2$/);
}

/** One says something, and both read it behind the same number. */
async function talk(from, to, text) {
  await from.getByRole("textbox", { name: "Message" }).fill(text);
  await from.getByRole("button", { name: "Send" }).click();
  const line = `#chat-log li:not(.waiting):has-text("${text}")`;
  for (const page of [from, to]) await reads(page, line, new RegExp(`^\\d+Guest.*${text}`));
  const [said, read] = await Promise.all(
    [from, to].map((page) => page.locator(`${line} .offset`).textContent()),
  );
  equal(read, said, "the number of the line");
}

/** The node of `mover` goes, by a button that `other` presses: the tab is on the other node in time, and nothing is missing. */
async function moves(mover, other, order) {
  const node = await nodeOf(mover);
  const stays = node === "A" ? "B" : "A";
  await other.getByRole("button", { name: `${order} node ${node}` }).click();
  await reads(mover, "#node:not(.gone)", new RegExp(`^node ${stays}`), MOVING);
  await reads(mover, "#state", /^connected/);
  await reads(mover, "#node-list [data-state=down]", new RegExp(`Node ${node}`));
  await reads(mover, "#network-steps li", new RegExp(`on node ${stays}`));
  await talk(other, mover, `${order}: to the one that moved`);
  await talk(mover, other, `${order}: from the one that moved`);
  const before = await mover.locator("#clock-time").textContent();
  await mover.waitForFunction((was) => document.querySelector("#clock-time").textContent !== was, before);
  for (const page of [mover, other]) {
    const [, ...lines] = await page.locator("#chat-log li:not(.waiting) .offset").allTextContents();
    const offsets = lines.map(Number); // behind the first line there are reactions to it
    equal(offsets.every((n, at) => at === 0 || n === offsets[at - 1] + 1), true, `contiguous: ${offsets}`);
    equal(await page.locator("#tower-resets").textContent(), "none", "resets");
    await reads(page, "#people-count", /^2$/, MOVING);
  }
}

async function reacts(ann, ben) {
  equal(await nodeOf(ann) === await nodeOf(ben), false, "on one node");
  const line = "#chat-log li:last-child";
  await ann.locator(line).hover();
  await ann.locator(line).getByTitle("party").click();
  await ben.locator(line).tap();
  await ben.locator(line).getByTitle("party").tap();
  for (const page of [ann, ben]) await reads(page, `${line} [aria-pressed=true]`, /^🎉2$/);
}

async function returns(page, complaints) {
  const start = page.getByRole("button", { name: /^Start node/ });
  const node = /(.)$/.exec(await start.getAttribute("aria-label"))[1];
  await start.click();
  await reads(page, `#node-list [data-state=up]:has-text("Node ${node}")`, /0 connections/, 60_000);
  const next = await open(DESKTOP, complaints);
  equal(await nodeOf(next), node, "the node of the next tab");
  await next.context().close();
}
