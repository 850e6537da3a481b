// What people see of the scores.
import { equal } from "../demo_steps.mjs";
import { holds } from "../stage.mjs";

let ann, ben;

/** In this order. */
export const steps = {
  async "two pages see the same games at the same tick"(stage) {
    ann = await stage.open({ cuttable: true });
    ben = await stage.open();
    for (const page of [ann, ben]) await page.evaluate(watch);
    for (const page of [ann, ben]) await holds(page, () => globalThis.seen.size >= 4);
    const [hers, his] = await Promise.all(
      [ann, ben].map((page) => page.evaluate(() => [...globalThis.seen])),
    );
    const both = hers.filter(([tick]) => his.some(([other]) => other === tick));
    equal(both.length >= 2, true, `ticks that both saw: ${both.length}`);
    for (const [tick, games] of both) {
      equal(games, his.find(([other]) => other === tick)[1], `the games at tick ${tick}`);
    }
  },
  async "most bytes need not come, and the page says how many"() {
    for (const page of [ann, ben]) {
      await holds(page, () => {
        const [saved, all] = document.querySelector("#saved").textContent.split(" of ").map(Number);
        return saved > all / 2;
      });
    }
  },
  async "who comes late has the scores at once, without waiting for the next"(stage) {
    const cho = await stage.open();
    await holds(cho, () => document.querySelectorAll("#games tr").length === 6);
    await cho.close();
  },
  async "who was cut off has the newest, and goes on"(stage) {
    await stage.cut();
    const [before, then] = [await tick(ann), await tick(ben)];
    await after(ben, then + 3);
    equal(await tick(ann), before, "the tick of who is cut off");
    const missed = await tick(ben);
    await stage.mend();
    await after(ann, missed);
    await after(ann, missed + 2);
  },
};

/** Keeps what the page shows at each tick. */
function watch() {
  globalThis.seen = new Map();
  new MutationObserver(() => {
    const games = [...document.querySelectorAll("#games tr")].map((row) => row.textContent).join(" ");
    globalThis.seen.set(document.querySelector("#tick").textContent, games);
  }).observe(document.querySelector("#games"), { childList: true });
}

async function tick(page) {
  return Number(await page.locator("#tick").textContent());
}

async function after(page, tick) {
  await holds(page, (tick) => Number(document.querySelector("#tick").textContent) >= tick, tick);
}
