// What two people do on the demo's page, side by side. Each waits for what it expects to see, and throws when it does not come.
import { equal, reads, talk } from "./demo_steps.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** They see each other, by name, and a new name is told. */
export async function people(ann, ben) {
  for (const [page, name] of [[ann, "Ann"], [ben, "Ben"]]) {
    await page.locator("#me").fill(name);
    await page.locator("#me").press("Enter");
    await reads(page, "#people li:first-child", new RegExp(`^${name}you$`));
  }
  for (const [page, other] of [[ann, "Ben"], [ben, "Ann"]]) {
    await reads(page, "#people-count", /^2$/);
    await reads(page, "#people li", new RegExp(`^${other}Wave$`));
  }
}

/** A second window of the same visitor is no second person. */
export async function windows(ann, ben) {
  const [second] = await Promise.all([
    ben.waitForEvent("popup"),
    ben.evaluate(() => void open(location.href)), // it takes over who the visitor is
  ]);
  await reads(ann, "#people li", /^Ben2 windowsWave$/);
  await reads(second, "#people li:first-child", /^Ben2 windowsyou$/);
  for (const page of [ann, ben, second]) await reads(page, "#people-count", /^2$/);
  await second.close({ runBeforeUnload: true });
  await reads(ann, "#people li", /^BenWave$/);
}

/** A cursor and a stroke of one are on the other's board, in the same place. */
export async function board(ann, ben) {
  const strokes = ben.locator("#strokes polyline");
  await draw(ann, [[0.2, 0.2], [0.5, 0.7], [0.6, 0.3]]);
  await strokes.first().waitFor({ state: "attached" });
  await reads(ben, "#cursors .cursor", /^Ann$/);
  const [left, top] = await ben.locator("#cursors .cursor").evaluate(({ style }) =>
    [style.left, style.top].map(parseFloat)
  );
  equal(Math.abs(left - 60) < 2 && Math.abs(top - 30) < 2, true, `the cursor is at ${left} %, ${top} %`);
  for (const page of [ann, ben]) await reads(page, "#drawing-says", /^1 stroke on the board/);
  equal(await points(ben), await points(ann), "the stroke");
  await ben.getByRole("button", { name: "Wipe the board" }).click();
  for (const page of [ann, ben]) {
    await reads(page, "#drawing-says", /^Ben wiped the board/);
    equal(await page.locator("#strokes polyline").count(), 0, "strokes");
  }
}

/** Who types is seen, and what is said has the same number for both. */
export async function chat(ann, ben) {
  await ann.locator("#chat-text").pressSequentially("Hel");
  await reads(ben, "#chat-typing", /^Ann is typing$/);
  await talk(ann, "Hello Ben");
  for (const page of [ann, ben]) await reads(page, "#chat-log .said", /^Ann Hello Ben$/);
  await reads(ben, "#chat-typing", /^$/);
  const [said, read] = await Promise.all(
    [ann, ben].map((page) => page.locator('#chat-log li:has-text("Hello Ben") .offset').textContent()),
  );
  equal(read, said, "the number of the line");
}

/** Who reacts is counted, for both, once for each emoji, and may take it back. */
export async function reactions(ann, ben) {
  await choose(ben, "Hello Ben", "thumbs up");
  for (const page of [ann, ben]) await reads(page, ".react.some", /^👍1$/);
  await choose(ann, "Hello Ben", "thumbs up");
  await choose(ann, "Hello Ben", "party");
  for (const page of [ann, ben]) {
    await reads(page, ".react.some", /^👍2$/);
    await reads(page, ".react.some", /^🎉1$/);
  }
  equal(await pressed(ann), "👍2 🎉1", "what Ann said");
  equal(await pressed(ben), "👍2", "what Ben said");
  await choose(ann, "Hello Ben", "thumbs up");
  for (const page of [ann, ben]) await reads(page, ".react.some", /^👍1$/);
}

/** One changes what was said, and takes something back; the other sees it, cannot do it, and sees the same when the page is loaded anew. */
export async function changes(ann, ben) {
  equal(await line(ben, "Hello Ben").getByRole("button", { name: "Edit" }).count(), 0, "to edit another's");
  await line(ann, "Hello Ben").hover();
  await line(ann, "Hello Ben").getByRole("button", { name: "Edit" }).click();
  await reads(ann, "#chat-which", /^Line \d+ becomes:$/);
  equal(await ann.locator("#chat-text").inputValue(), "Hello Ben", "what is edited");
  await ann.locator("#chat-text").fill("Hello dear Ben");
  await ann.getByRole("button", { name: "Save" }).click();
  for (const page of [ann, ben]) await reads(page, "#chat-log .said", /^Ann Hello dear Ben edited$/);
  await talk(ben, "what I regret");
  await line(ben, "what I regret").tap();
  await line(ben, "what I regret").getByRole("button", { name: "Delete" }).tap();
  for (const page of [ann, ben]) await reads(page, "#chat-log .gone .said", /^Ben\s+took this back$/);
  await ben.reload();
  await reads(ben, "#chat-log li", /^\d+Ann Hello dear Ben edited👍1/);
  await line(ben, "Hello dear Ben").getByText("🎉", { exact: true }).waitFor();
  equal(await pressed(ben), "👍1", "what Ben said is still his");
  equal(await line(ben, "what I regret").count(), 0, "what was taken back");
}

/** Chooses a line, by touch or by pointer, and says something to it. */
async function choose(page, text, emoji) {
  const isTouch = await page.evaluate(() => matchMedia("(hover: none)").matches);
  const button = line(page, text).getByTitle(emoji);
  if (isTouch) await line(page, text).locator(".said").tap();
  else await line(page, text).hover();
  await (isTouch ? button.tap() : button.click());
}

function line(page, text) {
  return page.locator("#chat-log li", { hasText: text });
}

async function pressed(page) {
  return (await page.locator("#chat-log [aria-pressed=true]").allTextContents()).join(" ");
}

/** A wave is a notification, also where it comes while its addressee is cut off; what was read stays read when the page is loaded anew. */
export async function notifications(ann, ben) {
  await ann.getByRole("button", { name: "Wave at Ben" }).click();
  await reads(ben, "#inbox li", /^Ann waves at you/);
  await reads(ben, "#unread", /^1$/);
  await ben.getByRole("button", { name: "Mark all as read" }).click();
  await reads(ben, "#unread", /^0$/);
  await ben.getByRole("button", { name: "Cut the network for 6 s" }).click();
  await reads(ben, "#state", /reconnecting/);
  await ann.getByRole("button", { name: "Wave at Ben" }).click();
  await reads(ann, "#announce.seen", /You waved at Ben/);
  await ben.getByRole("button", { name: "Mend it now" }).click();
  await reads(ben, "#unread", /^1$/);
  await ben.reload();
  await reads(ben, "#inbox li", /^Ann waves at you/);
  await reads(ben, "#unread", /^1$/);
}

/** Both see the same games at the same moment, and that most bytes of them did not have to come. */
export async function scores(ann, ben) {
  for (const page of [ann, ben]) {
    await page.waitForFunction(() => document.querySelectorAll("#games tr").length === 8);
  }
  for (const page of [ann, ben]) await page.evaluate(watchGames);
  for (const page of [ann, ben]) await page.waitForFunction(() => globalThis.seen.size >= 3);
  const [hers, his] = await Promise.all([ann, ben].map((page) => page.evaluate(() => [...globalThis.seen])));
  const both = hers.filter(([beat]) => his.some(([other]) => other === beat));
  equal(both.length > 0, true, "snapshots that both saw");
  for (const [beat, games] of both) {
    equal(games, his.find(([other]) => other === beat)[1], `the games at ${beat}`);
  }
  for (const page of [ann, ben]) {
    await reads(page, "#scores-bytes", /^\S+ \S+ came, \S+ \S+ \([5-9]\d %\) saved$/);
  }
}

/** Keeps what the page shows of each snapshot. */
function watchGames() {
  globalThis.seen = new Map();
  const rows = document.querySelector("#games");
  new MutationObserver(() => {
    const games = [...rows.children].map((row) => row.textContent).join(" ");
    globalThis.seen.set(rows.dataset.beat, games);
  }).observe(rows, { childList: true });
}

/** Flights move for both; one is sent fewer reports, and told what was left out, the other goes on with all. */
export async function sky(ann, ben) {
  for (const page of [ann, ben]) await reads(page, "#sky-count", /^[1-9]\d* flights? in the air$/);
  await ben.locator("#sky-title").scrollIntoViewIfNeeded();
  await ben.getByRole("group", { name: "Reports a second" }).getByRole("radio", { name: "1", exact: true })
    .check({ force: true });
  await shows(ben, { came: [1, 2], left: [3, 6] });
  await shows(ann, { came: [3, 8], left: [0, 0] });
}

/** Waits for a second in which so many reports came, and so many were left out. */
async function shows(page, wanted) {
  await page.waitForFunction((wanted) =>
    Object.entries(wanted).every(([id, [least, most]]) => {
      const seen = Number(document.querySelector(`#sky-${id}`).textContent);
      return seen >= least && seen <= most;
    }), wanted);
}

/** Who leaves is gone from the list. */
export async function leaves(ann, ben) {
  await ben.close();
  await reads(ann, "#people-count", /^1$/, 20_000);
}

async function draw(page, [first, ...rest]) {
  const surface = page.locator("#drawing");
  await surface.scrollIntoViewIfNeeded();
  const box = await surface.boundingBox();
  const to = ([x, y]) => page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  await to(first);
  await page.mouse.down();
  for (const place of rest) await to(place);
  await page.mouse.up();
}

async function points(page) {
  return (await page.locator("#strokes polyline").evaluateAll((lines) =>
    lines.map((line) => line.getAttribute("points"))
  )).join("\n");
}

people.title = "they see each other, by name";
windows.title = "two windows of one visitor are one person";
board.title = "a cursor and a stroke are on both boards";
chat.title = "who types is seen, and what is said";
reactions.title = "reactions are counted, and taken back";
changes.title = "what was said is changed, and taken back";
notifications.title = "a wave comes, also to who was cut off";
scores.title = "the same games at the same moment";
sky.title = "flights, as often as each wants";
leaves.title = "who leaves is gone";
