// What people do in the chat.
import { connect } from "../../../client/mod.ts";
import { equal, reads } from "../demo_steps.mjs";
import { holds } from "../stage.mjs";

let ann, ben;

/** In this order. */
export const steps = {
  async "what one says the other reads"(stage) {
    ann = await stage.open({ query: "?name=Ann", cuttable: true });
    ben = await stage.open({ query: "?name=Ben" });
    await say(ann, "hello");
    await reads(ben, "#log li", /^Ann hello/);
    await say(ben, "good morning");
    await reads(ann, "#log .said", /^good morning$/);
  },
  async "who is here is seen, under a new name too"() {
    for (const page of [ann, ben]) await reads(page, "#here", /^2 here: Ann, Ben$/);
    await ben.getByLabel("Name").fill("Benno");
    await ben.getByLabel("Message").focus();
    await reads(ann, "#here", /^2 here: Ann, Benno$/);
    await ben.getByLabel("Name").fill("Ben");
    await ben.getByLabel("Message").focus();
    await reads(ann, "#here", /^2 here: Ann, Ben$/);
  },
  async "who types is seen, until it is said"() {
    await ann.locator("#text").pressSequentially("soo");
    await reads(ben, "#typing", /Ann is typing/);
    await say(ann, "soon");
    await reads(ben, "#log .said", /^soon$/);
    await reads(ben, "#typing", /^\s*$/);
  },
  async "a reaction of one is counted for both, and taken back"() {
    for (const page of [ann, ben]) await choose(page, "Ann hello", /👍/);
    for (const page of [ann, ben]) await reads(page, "#log [aria-pressed=true]", /^👍 2$/);
    await choose(ann, "Ann hello", /👍/);
    for (const page of [ann, ben]) await reads(page, "#log .some", /^👍 1$/);
    equal(await ann.locator("#log [aria-pressed=true]").count(), 0, "what Ann says to it");
  },
  async "one's own lines can be changed and taken back, those of others cannot"() {
    equal(await line(ben, "Ann hello").getByRole("button", { name: "Edit" }).count(), 0, "to edit another's");
    await choose(ann, "Ann hello", "Edit");
    equal(await ann.locator("#text").inputValue(), "hello", "what is edited");
    await ann.getByLabel("Message").fill("hello all");
    await ann.getByRole("button", { name: "Save" }).click();
    for (const page of [ann, ben]) await reads(page, "#log .edited", /^hello all$/);
    await say(ben, "a slip");
    await reads(ann, "#log .said", /^a slip$/);
    await choose(ben, "a slip", "Delete");
    for (const page of [ann, ben]) await holds(page, () => !/a slip/.test(document.body.textContent));
  },
  async "a page that is loaded anew sees the same, and may still change what it said"() {
    await ben.reload();
    await reads(ben, "#log .edited", /^hello all$/);
    await reads(ben, "#log [aria-pressed=true]", /^👍 1$/);
    equal(await lines(ben), await lines(ann), "the lines");
    await choose(ben, "good morning", "Edit");
    await ben.getByLabel("Message").press("Escape");
    equal(await ben.locator("#text").inputValue(), "", "given up");
  },
  async "a line that is being changed is marked, stays one's own, and is left as it was where its button is pressed again"() {
    await ann.reload();
    await choose(ann, "hello all", "Edit");
    await reads(ann, "#log .chosen", /^Ann hello all/);
    await choose(ann, "hello all", "Edit");
    equal(await ann.locator("#log .chosen").count(), 0, "marked lines");
    equal(await ann.locator("#text").inputValue(), "", "given up");
    equal(await ann.locator("#button").textContent(), "Send", "the button");
  },
  async "blanks are not sent, and it is told why"() {
    await say(ann, "   ");
    equal(await ann.locator("#text").evaluate(({ validity }) => validity.patternMismatch), true, "refused");
    equal(await ann.locator("#text").inputValue(), "   ", "the field");
    await ann.locator("#text").fill("");
  },
  async "who comes late reads what was said, and is here until they leave"(stage) {
    const cho = await stage.open({ query: "?name=Cho" });
    await reads(cho, "#log .said", /^soon$/);
    equal(await lines(cho), await lines(ben), "the lines");
    await reads(ben, "#here", /^3 here: Ann, Ben, Cho$/);
    await cho.goto("about:blank");
    await reads(ben, "#here", /^2 here: Ann, Ben$/);
    await cho.close();
  },
  async "what is said while one is cut off comes to both, in order, once"(stage) {
    await stage.cut();
    await say(ann, "said offline");
    await reads(ann, "#log .waiting", /said offline/);
    for (const text of ["missed 1", "missed 2"]) await say(ben, text);
    await reads(ben, "#log li", /missed 2/);
    await reads(ben, "#here", /^2 here: Ann, Ben$/); // so short a loss is not noticed
    await stage.mend();
    for (const page of [ann, ben]) await reads(page, "#log .said", /^said offline$/);
    await reads(ann, "#log li", /missed 2/);
    const expected = "Ann hello all,Ben good morning,Ann soon,Ben missed 1,Ben missed 2,Ann said offline";
    for (const page of [ann, ben]) equal(await lines(page), expected, "the lines");
  },
  async "who was away for longer than is kept sees what is kept, as it is now"(stage) {
    await stage.cut();
    const client = connect(`ws://127.0.0.1:${stage.port}/rpc`, { token: "of a client without a page" });
    const room = client.channel("room/:id", { id: "lobby" });
    let last;
    for (let n = 1; n <= 510; n++) last = await room.publish({ from: "Dan", text: `line ${n}` });
    await room.edit(last, { from: "Daniel", text: "the last line" });
    await client.close();
    await stage.mend();
    await reads(ann, "#log li:first-child", /no longer kept/);
    await reads(ann, "#log li:last-child .edited", /^the last line$/);
    await reads(ann, "#log li:last-child b", /^Daniel$/);
  },
};

async function say(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

async function choose(page, text, button) {
  await line(page, text).hover();
  await line(page, text).getByRole("button", { name: button }).click();
}

function line(page, text) {
  return page.locator("#log li", { hasText: text });
}

async function lines(page) {
  return (await page.locator("#log li:not(.waiting)").evaluateAll((lines) =>
    lines.map((line) =>
      [...line.querySelectorAll("b, .said")].map(({ textContent }) => textContent).join(" ")
    )
  )).join();
}
