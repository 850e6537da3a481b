// What people do on the whiteboard.
import { equal } from "../demo_steps.mjs";
import { holds } from "../stage.mjs";

let ann, ben;

/** In this order. */
export const steps = {
  async "a cursor that moves is seen by the other, where it is"(stage) {
    ann = await stage.open({ query: "?name=Ann" });
    ben = await stage.open({ query: "?name=Ben", cuttable: true, context: { viewport: PHONE } });
    for (const page of [ann, ben]) await page.locator("#state[data-state=open]").waitFor();
    // A signal reaches who is there at the moment, so it is given until somebody is.
    for (let at = 0; await ben.locator("#cursors text").count() === 0; at++) {
      await point(ann, 0.2 + at % 5 / 100, 0.2);
      await ben.evaluate(() => new Promise(requestAnimationFrame));
    }
    await point(ann, 0.5, 0.25);
    await holds(ben, () => {
      const [, x, y] = /translate\(([\d.]+) ([\d.]+)\)/.exec(
        document.querySelector("#cursors text").getAttribute("transform"),
      );
      return Math.abs(x - 450) < 4 && Math.abs(y - 150) < 4;
    });
    equal(await ben.locator("#cursors text").textContent(), "◤ Ann", "the name at the cursor");
    equal(await ann.locator("#cursors text").count(), 0, "one's own cursor is not drawn");
  },
  async "a stroke is on both boards, the same"() {
    await draw(ann, [[0.1, 0.1], [0.4, 0.5], [0.8, 0.6]]);
    await strokes(ben, 1);
    await strokes(ann, 1);
    equal(await drawn(ben), await drawn(ann), "the strokes");
  },
  async "who comes late sees what was drawn"(stage) {
    const cho = await stage.open();
    await strokes(cho, 1);
    equal(await drawn(cho), await drawn(ann), "the strokes");
    await cho.close();
  },
  async "what is drawn while one is cut off comes to both, once"(stage) {
    await stage.cut();
    await draw(ben, [[0.3, 0.9], [0.6, 0.9]]);
    await draw(ann, [[0.9, 0.1], [0.9, 0.9]]);
    await strokes(ann, 2);
    await stage.mend();
    for (const page of [ann, ben]) await strokes(page, 3);
    equal(await drawn(ben), await drawn(ann), "the strokes");
  },
};

const PHONE = { width: 390, height: 780 };

async function point(page, x, y) {
  const box = await page.locator("#board").boundingBox();
  await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
}

async function draw(page, [first, ...rest]) {
  await point(page, ...first);
  await page.mouse.down();
  for (const to of rest) await point(page, ...to);
  await page.mouse.up();
}

async function strokes(page, count) {
  await holds(page, (count) => document.querySelectorAll("#strokes polyline").length === count, count);
}

/** What is drawn, once no stroke of one's own is left that is not published. */
async function drawn(page) {
  const all = await page.locator("#strokes polyline").evaluateAll((lines) =>
    lines.map((line) => `${line.getAttribute("stroke")} ${line.getAttribute("points")}`)
  );
  return all.join("\n");
}
