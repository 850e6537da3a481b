// What a person does on the demo's page, one function a step. Each waits for what it expects to see, and throws when it does not come.

/** @typedef {import("playwright-core").Page} Page */

const LABELS = { deno: /^Deno 2/, bun: /^Bun 1/ };

/** Throws unless both are the same. */
export function equal(actual, expected, what = "value") {
  if (actual !== expected) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

/** Waits until an element's text fits; a dot of the pattern is any character, the end of a line too. */
export async function reads(page, selector, pattern, timeout = 10_000) {
  const all = page.locator(selector);
  try {
    await all.filter({ hasText: new RegExp(pattern, "s") }).first().waitFor({ state: "attached", timeout });
  } catch {
    const texts = await all.allTextContents();
    throw new Error(
      `${selector} should read ${pattern}, it reads ${JSON.stringify(texts.join(" | ").slice(0, 500))}`,
    );
  }
}

/** The page opens, connects, and says under what. */
export async function opens(page, runtime) {
  await reads(page, "#state", /^connected/);
  await reads(page, "#runtime", LABELS[runtime]);
  equal(await page.locator("h1").textContent(), "Millrace", "h1");
  for (const landmark of ["header", "main", "footer"]) {
    equal(await page.locator(landmark).count() > 0, true, landmark);
  }
}

/** Every chart has a value, is drawn, and goes on. */
export async function figures(page) {
  await reads(page, ".chart:nth-child(1) strong", /%/);
  await reads(page, ".chart:nth-child(2) strong", /[1-9]\d* MiB/);
  await reads(page, ".chart:nth-child(4) strong", /\d+ in, \d+ out/);
  await reads(page, ".chart:nth-child(5) strong", /[1-9]/);
  equal(await painted(page, ".chart:nth-child(2) canvas"), true, "the memory chart is drawn");
  equal(await painted(page, "#race"), true, "the band is drawn");
}

async function painted(page, selector) {
  await page.locator(selector).scrollIntoViewIfNeeded();
  await page.waitForFunction((selector) => {
    const canvas = document.querySelector(selector);
    if (canvas.width === 0) return false;
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d"); // reading a canvas twice is warned of
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
  }, selector);
  return true;
}

/** Flights depart; another speed and another airport are new calls; the board can be paused. */
export async function board(page) {
  await reads(page, "#clock-time", /^\d\d:\d\d$/);
  await page.waitForFunction(() => document.querySelectorAll("#departures tr").length >= 8);
  await page.getByRole("radio", { name: "60" }).check({ force: true });
  await reads(page, "#board-source", /speed: 60 /);
  await page.getByRole("combobox", { name: "From" }).selectOption("ATL");
  await reads(page, "#board-source", /speed: 60, airport: "ATL"/);
  await page.waitForFunction(() => document.querySelectorAll("#departures tr").length > 0);
  const origins = await page.locator("#departures td:nth-child(2) b").allTextContents();
  equal(origins.every((origin) => origin === "ATL"), true, `all depart from ATL: ${origins}`);
  await page.getByRole("button", { name: "Pause" }).click();
  const paused = await page.locator("#clock-time").textContent();
  await page.waitForTimeout(800); // nothing to wait for: the point is that nothing comes
  equal(await page.locator("#clock-time").textContent(), paused, "the clock of a paused board");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.waitForFunction(
    (before) => document.querySelector("#clock-time").textContent !== before,
    paused,
  );
}

/** What is said arrives; what was said while the network was cut is recovered in order, each once; beyond the history there is a reset. */
export async function chat(page) {
  await reads(page, "#tower-log li", /cleared for take-off/);
  await talk(page, "Hello");
  await reads(page, "#chat-log .mine:not(.waiting)", /Hello/);
  await page.getByRole("button", { name: "Cut it for 40 s" }).click();
  await reads(page, "#state", /reconnecting/);
  for (let i = 1; i <= 3; i++) await sayByPost(page, `missed ${i}`);
  await talk(page, "said while cut");
  await reads(page, "#chat-log .waiting", /said while cut/);
  await page.getByRole("button", { name: "Mend it now" }).click();
  await reads(page, "#tower-recovered", /[1-9]/);
  await reads(page, "#chat-log .mine:not(.waiting)", /said while cut/);
  await reads(page, "#tower-log li", /missed 3/);
  const tower = await numbersIn(page, "#tower-log");
  equal(tower.every((n, i) => i === 0 || n === tower[i - 1] + 1), true, `contiguous: ${tower}`);
  const chat = await numbersIn(page, "#chat-log"); // reactions and changes have numbers, too
  equal(chat.every((n, i) => i === 0 || n > chat[i - 1]), true, `in order: ${chat}`);
  equal(await page.locator("#tower-resets").textContent(), "none", "resets");

  await page.getByRole("button", { name: "Cut it for 40 s" }).click();
  await reads(page, "#state", /reconnecting/);
  for (let i = 1; i <= 25; i++) await sayByPost(page, `lost ${i}`);
  await page.getByRole("button", { name: "Mend it now" }).click();
  await reads(page, "#tower-resets", /^1$/);
  await reads(page, "#tower-log .mark", /Reset/);
  const marks = await page.locator("#tower-log li").allTextContents();
  const reset = marks.findIndex((text) => text.includes("Reset"));
  equal(marks.slice(0, reset).some((text) => text.includes("lost")), false, "nothing is left from before");
  const kept = marks.slice(reset).flatMap((text) => /lost (\d+)/.exec(text)?.[1] ?? []).map(Number);
  equal(kept.at(-1), 25, "what the history has is shown, up to the newest");
  equal(kept.every((n, i) => i === 0 || n === kept[i - 1] + 1), true, `in order, without a hole: ${kept}`);
}

async function numbersIn(page, log) {
  return (await page.locator(`${log} li:not(.waiting) .offset`).allTextContents()).map(Number);
}

/** Says something in the chat. */
export async function talk(page, text) {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

async function sayByPost(page, text) {
  const answer = await page.request.post(new URL("/rpc/@publish/chat/tower", page.url()).href, {
    headers: { "content-type": "application/json" },
    data: JSON.stringify({ from: "Test", text }),
  });
  equal(answer.status(), 200, "publishing by POST");
}

async function choose(page, procedure) {
  await page.getByRole("group", { name: "Procedures to begin with" }).getByRole("button", {
    name: procedure,
    exact: true,
  }).click();
}

/** A call by name: the value, and its frames taken apart. */
export async function call(page) {
  await choose(page, "add");
  await page.getByLabel("Input").fill('{ "a": 20, "b": 22 }');
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-outcome", /^Answered in/);
  equal(await page.locator("#bench-result").textContent(), "42", "the result");
  await reads(page, "#wire .up summary:has-text('CALL')", /“add”/);
  const bytes = await page.locator("#wire details[open] .hex").first().textContent();
  equal(/^96 ?10/.test(bytes), true, `the call's bytes begin with an array of 6 and the kind: ${bytes}`);
  await reads(page, "#wire .down details[open]", /RESULT.*value.*42/);
}

/** A stream by name, item by item. */
export async function stream(page) {
  await choose(page, "countdown");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-outcome", /^5 items in/);
  equal((await page.locator("#bench-result").textContent()).trim(), "5\n4\n3\n2\n1", "the items");
  await choose(page, "figures");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-outcome", /^2 items so far/);
  await page.getByRole("button", { name: "Cancel the call" }).click();
  await reads(page, "#bench-outcome", /^CANCELLED after/);
  await choose(page, "shout");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-result", /"OVER ONE SOCKET"\s+"BOTH WAYS"/);
}

/** Bytes, dates and big integers survive the way there and back. */
export async function bytes(page) {
  await choose(page, "echo");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-result", /"00 ff 10".*2001-01-01T06:55:00.000Z.*9007199254740993/);
  await choose(page, "files.receive");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-result", /"bytes": 23.*"sha256"/);
}

/** A declared error with its data, a wrong input with its issues, a procedure that is not there. */
export async function errors(page) {
  await page.getByRole("combobox", { name: "Gate" }).selectOption("B1");
  await page.getByRole("button", { name: "Claim the gate" }).click();
  await reads(page, "#claim-result", /TAKEN.*declared: yes.*DL 1889/);
  await page.getByRole("button", { name: "Claim with a wrong flight" }).click();
  await reads(page, "#claim-result", /BAD_INPUT.*declared: no.*issues.*"flight"/);
  await page.getByRole("button", { name: "Call what is not there" }).click();
  await reads(page, "#claim-result", /NOT_FOUND/);
  await choose(page, "gates.claim");
  await page.getByLabel("Input").fill("{ not json");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await reads(page, "#bench-outcome", /JSON/);
}

/** 64 MiB go up, the figures keep coming, the server's hash is the browser's. */
export async function upload(page) {
  await page.getByRole("button", { name: "Use a generated 64 MiB file" }).click();
  await page.waitForFunction(() => {
    const now = Number(document.querySelector("#track").getAttribute("aria-valuenow"));
    return now > 0 && now < 100;
  });
  await reads(page, "#upload-outcome", /67,108,864 bytes in .*the same as this browser computes/, 60_000);
  equal(await page.locator("#track").getAttribute("aria-valuenow"), "100", "the progress");
  const [, heard, gap, unit] = /^(\d+) came, ([\d.]+) (m?s) apart/.exec(
    await page.locator("#upload-figures").textContent(),
  );
  const wait = Number(gap) * (unit === "s" ? 1_000 : 1);
  equal(Number(heard) > 0 && wait < 2_000, true, `figures kept coming: ${heard}, at most ${wait} ms apart`);
  await reads(page, "#upload-calls", /\d+ calls?, .* typical/);
}

/** An upload can be cancelled on its way. */
export async function cancelUpload(page) {
  await page.getByRole("button", { name: "Use a generated 64 MiB file" }).click();
  await page.waitForFunction(() =>
    Number(document.querySelector("#track").getAttribute("aria-valuenow")) < 90
  );
  await page.getByRole("button", { name: "Cancel the upload" }).click();
  await reads(page, "#upload-outcome", /^Ended with CANCELLED after/);
  await page.waitForFunction(() => !document.querySelector("#generate").disabled);
}

/** A slow call is cancelled: the caller gets CANCELLED, the server notes that it stopped. A deadline ends one too. */
export async function cancelCall(page) {
  await page.getByRole("button", { name: "Start a slow call" }).click();
  await reads(page, "#slow-there", /the handler started/);
  await page.getByRole("button", { name: "Cancel it" }).click();
  await reads(page, "#slow-here", /^CANCELLED after/);
  await reads(page, "#slow-there", /signal aborted after .* and it stopped/);
  await page.getByRole("button", { name: "Start it with 800 ms" }).click();
  await reads(page, "#slow-here", /^DEADLINE after/);
}

/** A lost connection is said, comes back, and the streams are called again. */
export async function reconnects(page) {
  await page.getByRole("button", { name: "Drop the connection" }).click();
  await reads(page, "#state", /^(re)?connecting/);
  await reads(page, "#state", /^connected/, 15_000);
  const before = await page.locator("#clock-time").textContent();
  await page.waitForFunction(
    (before) => document.querySelector("#clock-time").textContent !== before,
    before,
  );
}

/** Everything that can be operated has a name for a screen reader. */
export async function names(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const operable = new Set([
    "button",
    "textbox",
    "combobox",
    "radio",
    "link",
    "progressbar",
    "image",
    "region",
    "DisclosureTriangle",
  ]);
  const nameless = nodes.filter(({ role, name, ignored }) =>
    !ignored && operable.has(role?.value) && !name?.value?.trim()
  );
  equal(nameless.map(({ role }) => role.value).join(), "", "roles without a name");
}

/** The whole page by keyboard: every control is reached in order, shows that it has the focus, and works. */
export async function keyboard(page) {
  await page.keyboard.press("Tab");
  await reads(page, ":focus", /^Skip to the demo$/);
  await page.keyboard.press("Enter");
  const reached = [];
  for (let at = 0; at < 120; at++) {
    await page.keyboard.press("Tab");
    const { id, outlined, again } = await page.evaluate(focused);
    if (id === "BODY" || again) break;
    equal(outlined, true, `${id} shows its focus`);
    reached.push(id);
    if (id === "claim") {
      await page.keyboard.press("Enter");
      await reads(page, "#claim-result", /TAKEN/);
    }
  }
  const wanted = [
    "wipe",
    "chat-log",
    "chat-text",
    "remind",
    "cut-short",
    "airport",
    "pause",
    "file",
    "generate",
    "gate",
    "claim",
    "slow",
    "bench-name",
    "bench-shape",
    "bench-input",
    "Call",
  ];
  const missed = wanted.filter((id) => !reached.includes(id));
  equal(missed.join(), "", `not reached by Tab (reached ${reached.join(" ")})`);
  await page.locator("#chat-log").focus();
  for (const key of ["ArrowUp", "ArrowUp", "ArrowDown", "Tab", "Enter"]) await page.keyboard.press(key);
  await reads(page, "#chat-log li:last-child :focus[aria-pressed=true]", /^👍1$/);
}

function focused() {
  const at = document.activeElement;
  const shown = at instanceof HTMLInputElement && at.type === "radio" ? at.nextElementSibling : at;
  const { outlineStyle, outlineWidth } = getComputedStyle(shown);
  const id = at.id || (at === document.body ? "BODY" : `${at.textContent.trim().slice(0, 20) || at.tagName}`);
  const again = "reached" in at.dataset;
  at.dataset.reached = "";
  return { id, again, outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
}

/** Where less motion is asked for, rows do not fade in and nothing passes along the band. */
export async function still(page) {
  await page.waitForFunction(() => document.querySelectorAll("#departures tr").length > 0);
  const animation = await page.locator("#departures td").first().evaluate((cell) =>
    getComputedStyle(cell).animationName
  );
  equal(animation, "none", "the animation of a row");
}

/** No scrolling sideways on a phone, and nothing to press that is too small for a thumb. */
export async function narrow(page) {
  await page.waitForFunction(() => document.querySelectorAll("#departures tr").length > 0);
  equal(
    await page.evaluate(() => document.documentElement.scrollWidth),
    await page.evaluate(() => innerWidth),
    "width",
  );
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, summary, nav a, input:not([type=radio])")]
      .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 40)
      .map((one) => one.id || one.textContent)
  );
  equal(small.join(), "", "smaller than 40 pixels");
}

opens.title = "opens and connects";
figures.title = "the figures are drawn live";
board.title = "the board follows its controls";
call.title = "a call by name, and its bytes";
stream.title = "a stream and a duplex by name";
bytes.title = "bytes, dates, big integers, an upload by name";
errors.title = "declared error, wrong input, nothing there";
upload.title = "64 MiB go up while the figures go on";
cancelUpload.title = "an upload is cancelled";
cancelCall.title = "a slow call is cancelled, another meets its deadline";
reconnects.title = "a dropped connection comes back";
names.title = "every control has an accessible name";
keyboard.title = "every control by keyboard, with its focus shown";
still.title = "less motion where it is asked for";
narrow.title = "no scrolling sideways, nothing too small";
