// What people do in the chat.
import { equal, reads } from "../demo_steps.mjs";

let ann, ben;

/** In this order. */
export const steps = {
  async "what one says the other reads"(stage) {
    ann = await stage.open({ query: "?name=Ann", cuttable: true });
    ben = await stage.open({ query: "?name=Ben" });
    await say(ann, "hello");
    await reads(ben, "#log li", /^Ann hello$/);
    await say(ben, "good morning");
    await reads(ann, "#log li", /^Ben good morning$/);
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
    await reads(ben, "#log li", /^Ann soon$/);
    await reads(ben, "#typing", /^\s*$/);
  },
  async "blanks are not sent, and it is told why"() {
    await say(ann, "   ");
    equal(await ann.locator("#text").evaluate(({ validity }) => validity.patternMismatch), true, "refused");
    equal(await ann.locator("#text").inputValue(), "   ", "the field");
    await ann.locator("#text").fill("");
  },
  async "who comes late reads what was said, and is here until they leave"(stage) {
    const cho = await stage.open({ query: "?name=Cho" });
    await reads(cho, "#log li", /^Ann soon$/);
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
    for (const page of [ann, ben]) await reads(page, "#log li:not(.waiting)", /^Ann said offline$/);
    await reads(ann, "#log li", /missed 2/);
    const expected = "Ann hello,Ben good morning,Ann soon,Ben missed 1,Ben missed 2,Ann said offline";
    for (const page of [ann, ben]) equal(await lines(page), expected, "the lines");
  },
};

async function say(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

async function lines(page) {
  return (await page.locator("#log li:not(.waiting)").allTextContents()).join();
}
