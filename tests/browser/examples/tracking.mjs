// What people see of vehicles, and tell of themselves.
import { equal, reads } from "../demo_steps.mjs";
import { holds } from "../stage.mjs";

const PHONE = {
  viewport: { width: 390, height: 780 },
  isMobile: true,
  permissions: ["geolocation"],
  geolocation: { latitude: 38.7139, longitude: -9.1394 },
};
let viewer, phone;

/** In this order. */
export const steps = {
  async "the buses move"(stage) {
    viewer = await stage.open({ cuttable: true });
    await viewer.locator("#bus-732").waitFor({ state: "attached" });
    equal(await viewer.locator("#map text").count(), 4, "buses");
    await moves(viewer, "#bus-12");
  },
  async "each viewer is sent as many positions as they want, and told what was left out"() {
    await viewer.locator("#rate").selectOption("1");
    await sees(viewer, { came: [2, 8], left: [15, 50] });
    await viewer.locator("#rate").selectOption("all");
    await sees(viewer, { came: [20, 80], left: [0, 0] });
  },
  async "a phone that shares its place is on everybody's map, and moves there"(stage) {
    phone = await stage.open({ query: "?id=phone-1", context: PHONE });
    await phone.getByRole("button", { name: "Share my place" }).click();
    await reads(phone, "#sharing", /You are phone-1/);
    await at(viewer, "#phone-1", 450, 300);
    await phone.context().setGeolocation({ latitude: 38.7189, longitude: -9.1319 });
    await at(viewer, "#phone-1", 675, 150);
  },
  async "who was cut off goes on with the newest places"(stage) {
    await stage.cut();
    await phone.context().setGeolocation({ latitude: 38.7089, longitude: -9.1469 });
    await at(phone, "#phone-1", 225, 450);
    await stage.mend();
    await at(viewer, "#phone-1", 225, 450);
    await moves(viewer, "#bus-28");
  },
  async "who comes late sees where everybody is"(stage) {
    const late = await stage.open();
    await at(late, "#phone-1", 225, 450);
    await moves(late, "#bus-12");
    await late.close();
  },
};

/** Waits for a second in which between so many positions came, and between so many were left out. */
async function sees(page, wanted) {
  await holds(page, (wanted) =>
    Object.entries(wanted).every(([id, [least, most]]) => {
      const seen = Number(document.querySelector(`#${id}`).textContent);
      return seen >= least && seen <= most;
    }), wanted);
}

async function moves(page, id) {
  await holds(page, (id) => document.querySelector(id)?.hasAttribute("transform"), id);
  const before = await page.locator(id).getAttribute("transform");
  await holds(page, ([id, before]) => document.querySelector(id).getAttribute("transform") !== before, [
    id,
    before,
  ]);
}

async function at(page, id, x, y) {
  await holds(page, ([id, x, y]) => {
    const transform = document.querySelector(id)?.getAttribute("transform") ?? "";
    const [, left, top] = /translate\(([\d.]+) ([\d.]+)\)/.exec(transform) ?? [];
    return Math.abs(left - x) < 2 && Math.abs(top - y) < 2;
  }, [id, x, y]);
}
