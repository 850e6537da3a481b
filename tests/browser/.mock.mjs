import { chromium } from "playwright-core";
import * as demo from "./demo_steps.mjs";
const b = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (
  const [ctx, steps] of [
    [
      { viewport: { width: 1280, height: 900 } },
      "opens figures board call stream bytes errors cancelCall names".split(" "),
    ],
    [{ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" }, ["opens", "keyboard", "still"]],
    [
      { viewport: { width: 360, height: 780 }, isMobile: true, hasTouch: true },
      "opens narrow call errors narrow".split(" "),
    ],
  ]
) {
  const c = await b.newContext(ctx);
  const p = await c.newPage();
  p.setDefaultTimeout(5000);
  p.on("pageerror", (e) => console.log(e));
  await p.goto(process.argv[2]);
  for (const s of steps) {
    try {
      const t = performance.now();
      await demo[s](p, process.argv[3] ?? "deno");
      console.log("ok", s, Math.round(performance.now() - t));
    } catch (e) {
      console.log("FAILED", s, e.message.slice(0, 600));
    }
  }
}
await b.close();
