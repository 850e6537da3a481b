// Location tracking: each vehicle reports to a channel of its own, each viewer takes as many positions a second as they want. `deno serve -A
// examples/tracking/app.ts`, or `bun examples/tracking/app.ts`; then open it twice, and share your place in one.
import { z } from "zod";
import { channel, millrace } from "../../mod.ts";
import { withPage } from "../kit/serve.ts";

/** Milliseconds between two reports of a bus. */
const EVERY = 100;

const place = z.object({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) });

/** What clients call: nothing. They report, and look on. */
export const app = millrace({
  path: "/rpc",
  procedures: {},
  channels: {
    /** Where one is. Only its last place is of use; a vehicle is there for as long as it reports. */
    "vehicle/:id": channel({ message: place, history: { messages: 1, seconds: 60 } }),
  },
});
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

setInterval(drive, EVERY);
