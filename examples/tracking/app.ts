// Location tracking: each vehicle reports to a channel of its own, each viewer takes as many positions a second as they want. `deno serve -A
// examples/tracking/app.ts`, or `bun examples/tracking/app.ts`; then open it twice, and share your place in one.
import { z } from "zod";
import { channel, define } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

/** Milliseconds between two reports of a bus. */
const EVERY = 100;

const id = z.string().regex(/^[\w-]{1,40}$/);
const place = z.object({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) });

const channels = {
  /** Which vehicles there are; who comes later gets them all. */
  fleet: channel({ message: z.object({ id }), history: { messages: 500, seconds: 3_600 } }),
  /** Where one is. Only its last places are of use. */
  "vehicle/:id": channel({ message: place, history: { messages: 1, seconds: 60 } }),
};

/** What clients call: nothing. They report, and look on. */
export const app = define().with({ channels }).millrace({ path: "/rpc", procedures: {} });
/** The contract: the page imports this type and nothing else. */
export type App = typeof app;

export default withPage(app, import.meta.url, "Tracking");

/** Buses go around Lisbon's Rossio, each on its own circle. */
const buses = ["bus-12", "bus-28", "bus-714", "bus-732"];

function drive(): void {
  buses.forEach((id, at) => {
    const angle = Date.now() / (4_000 + at * 1_500) + at * 2;
    const latitude = 38.7139 + Math.sin(angle) * (0.003 + at * 0.0015);
    const longitude = -9.1394 + Math.cos(angle) * (0.004 + at * 0.002);
    app.publish("vehicle/:id", { id }, { latitude, longitude }).catch(console.error);
  });
}

// Told once, by key, however often the server starts on a broker that others share.
for (const id of buses) app.publish("fleet", { id }, { key: id }).catch(console.error);
setInterval(drive, EVERY);
