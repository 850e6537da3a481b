// What people do with an answer that comes word by word.
import { equal, reads } from "../demo_steps.mjs";

let ann, ben;

/** In this order. */
export const steps = {
  async "an answer goes on after a lost connection, and each token came once; who comes late reads all of it"(
    stage,
  ) {
    ann = await stage.open({ cuttable: true });
    await ask(ann, "Why?");
    await reads(ann, "#answer", / 5, /);
    ben = await look(stage);
    await stage.cut();
    const before = await text(ann);
    await reads(ben, "#answer", / 60, /); // meanwhile the server goes on
    equal(await text(ann), before, "what came to who is cut off");
    await stage.mend();
    for (const page of [ann, ben]) await reads(page, "#outcome", /^complete$/);
    for (const page of [ann, ben]) {
      equal(await text(page), whole("Why?"), "the answer");
      await reads(page, "#came", /^as 1 whole and \d+ pieces$/);
    }
    equal(await pieces(ben) < await pieces(ann), true, "who came late had a part of it at once");
  },
  async "a page that is loaded anew reads all of it, and what follows"() {
    await ask(ann, "Once more?");
    await reads(ann, "#answer", / 20, /);
    await ann.reload();
    await reads(ann, "#answer", /^You asked: Once more\? .* 20, /);
    await reads(ann, "#outcome", /^complete$/);
    equal(await text(ann), whole("Once more?"), "the answer");
    equal(await pieces(ann) < 90, true, "twenty numbers and more came as one");
    await reads(ann, "#came", /^as 1 whole and [1-9]\d* pieces$/);
  },
  async "an answer is stopped, for the asker and for who reads along"(stage) {
    await ask(ann, "How long?");
    ben = await look(stage);
    await reads(ann, "#answer", / 3, /);
    await stopOf(ann).click();
    for (const page of [ann, ben]) await reads(page, "#outcome", /^stopped$/);
    const [hers, his] = [await text(ann), await text(ben)];
    equal(his.startsWith(hers) && his.length < whole("How long?").length, true, `“${his}” is cut short`);
    await ask(ann, "And again?");
    await reads(ann, "#outcome", /^complete$/);
    equal(await text(ann), whole("And again?"), "the next answer");
  },
  async "a page that is loaded anew stops what it asked before; who reads along cannot"(stage) {
    const question = `Stop me? ${"I wait. ".repeat(45)}`.trim(); // each word takes its time, also where pages take theirs
    await ask(ann, question);
    await ann.reload();
    await reads(ann, "#answer", /I wait\. I wait\./);
    ben = await look(stage);
    await reads(ben, "#outcome", /^reading along$/);
    equal(await stopOf(ben).isDisabled(), true, "who reads along has no button");
    await stopOf(ann).click();
    for (const page of [ann, ben]) await reads(page, "#outcome", /^stopped$/);
    equal((await text(ann)).length < whole(question).length, true, "it is cut short");
    equal(await stopOf(ann).isDisabled(), true, "it is over");
    await ask(ann, "And again?");
    await reads(ann, "#outcome", /^complete$/);
  },
  async "who comes when it is over reads all of it"(stage) {
    const late = await look(stage);
    await reads(late, "#outcome", /^complete$/);
    equal(await text(late), whole("And again?"), "the answer");
    await reads(late, "#came", /^as 1 whole and 0 pieces$/);
  },
  async "an address of which nothing is kept any more says so, also in the tab that asked"(stage) {
    const late = await stage.open({ query: "?read=long-ago" });
    for (let times = 0; times < 2; times++) {
      await reads(late, "#outcome", /^This answer is no longer kept\.$/);
      equal([await text(late), await stopOf(late).isDisabled()].join(), ",true", "answer and button");
      await late.evaluate(() => sessionStorage.setItem("asked", "long-ago"));
      await late.reload();
    }
  },
};

async function ask(page, question) {
  await page.getByLabel("Question").fill(question);
  await page.getByRole("button", { name: "Ask" }).click();
  await reads(page, "#outcome", /^answering$/);
}

function stopOf(page) {
  return page.getByRole("button", { name: "Stop" });
}

async function look(stage) {
  const query = await ann.locator("#link").getAttribute("href");
  return await stage.open({ query });
}

async function pieces(page) {
  return Number(/(\d+) pieces/.exec(await page.locator("#came").textContent())[1]);
}

async function text(page) {
  return (await page.locator("#answer").textContent()).trim();
}

function whole(question) {
  const numbers = Array.from({ length: 100 }, (_, at) => at + 1).join(", ");
  return `You asked: ${question} I count to a hundred. ${numbers}.`;
}
