// What people do with notifications.
import { connect } from "../../../client/mod.ts";
import { equal, reads } from "../demo_steps.mjs";

let ada, ben;

/** In this order. */
export const steps = {
  async "a notification comes to whom it is for, and is counted"(stage) {
    ada = await stage.open({ query: "?user=ada", cuttable: true });
    ben = await stage.open({ query: "?user=ben" });
    await notify(ada, "ben", "Lunch?");
    await reads(ben, "#inbox li", /^ada: Lunch\? /);
    await reads(ben, "#unread", /^1$/);
    equal(await ben.title(), "(1) Notifications", "the title");
  },
  async "the same again lands once"() {
    await ada.getByRole("button", { name: "Send the same again" }).click();
    await reads(ada, "#outcome", /^ben has “Lunch\?”, once$/);
    await notify(ada, "ben", "At noon");
    await unread(ben, ["At noon", "Lunch?"]);
  },
  async "what is sent while cut off lands once, when there is a connection"(stage) {
    await stage.cut();
    await ada.getByLabel("Text").fill("From the tunnel");
    await ada.getByRole("button", { name: "Notify" }).click();
    await stage.mend();
    await reads(ada, "#outcome", /ben has “From the tunnel”/);
    await unread(ben, ["From the tunnel", "At noon", "Lunch?"]);
  },
  async "what came while the page was closed is there when it is opened, and what was read is not"(stage) {
    await ben.getByRole("button", { name: "Mark all as read" }).click();
    await reads(ben, "#unread", /^0$/);
    const within = ben;
    await ben.close();
    for (const text of ["Away 1", "Away 2"]) await notify(ada, "ben", text);
    ben = await stage.open({ query: "?user=ben", within });
    await unread(ben, ["Away 2", "Away 1"]);
    await ben.reload();
    await unread(ben, ["Away 2", "Away 1"]);
    await ben.getByRole("button", { name: "Mark all as read" }).click();
    await ben.reload();
    await notify(ada, "ben", "And now");
    await unread(ben, ["And now"]);
  },
  async "nobody reads the inbox of another, or writes to it past the procedure"({ port }) {
    const client = connect(`ws://127.0.0.1:${port}/rpc`, { token: "token-of-ben" });
    const other = client.channel("inbox/:user", { user: "ada" });
    equal(await code(other.subscribe().ready()), "NOT_FOUND", "reading");
    equal(await code(other.history()), "NOT_FOUND", "reading what is kept");
    const own = client.channel("inbox/:user", { user: "ben" });
    equal(await code(own.publish({ from: "ada", text: "forged", sent: new Date() })), "NOT_FOUND", "writing");
    await client.close();
    const stranger = connect(`ws://127.0.0.1:${port}/rpc`, { token: "made up" });
    const call = stranger.call.notify({ to: "ada", text: "spam", key: crypto.randomUUID() });
    equal(await code(call), "UNAUTHENTICATED", "a stranger");
    await stranger.close();
  },
};

async function notify(page, to, text) {
  await page.getByLabel("To", { exact: true }).selectOption(to);
  await page.getByLabel("Text").fill(text);
  await page.getByRole("button", { name: "Notify" }).click();
  await reads(page, "#outcome", literally(`${to} has “${text}”`));
}

/** Waits until the newest is there, then looks at all of them. */
async function unread(page, texts) {
  await reads(page, "#inbox li:first-child", literally(`: ${texts[0]} `));
  const lines = await page.locator("#inbox li").allTextContents();
  equal(lines.map((line) => /: (.*) [\d:]+\s[AP]M$/.exec(line)?.[1]).join(), texts.join(), "unread");
  equal(await page.locator("#unread").textContent(), String(texts.length), "their number");
}

function literally(text) {
  return text.replaceAll(/[?.]/g, "\\$&");
}

async function code(promise) {
  return await promise.then(() => "no error", (error) => error.code);
}
