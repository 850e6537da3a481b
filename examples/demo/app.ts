// The whole server: `deno serve -A examples/demo/app.ts` runs it, and so does `bun examples/demo/app.ts`, unchanged.
import process from "node:process";
import { Hono } from "hono";
import { hono } from "../../rpc/hono.ts";
import { chosenBroker } from "./broker.ts";
import { catalogue } from "./catalogue.ts";
import { chat, startTower, talk } from "./chat.ts";
import { drawing, people } from "./drawing.ts";
import { figuresOf } from "./figures.ts";
import { fileProcedures } from "./files.ts";
import { flightProcedures } from "./flights.ts";
import { gateProcedures } from "./gates.ts";
import { inboxProcedures, visitorOf } from "./inbox.ts";
import { node } from "./node.ts";
import { millrace } from "./procedure.ts";
import { scores, startScores } from "./scores.ts";
import { sky, startSky } from "./sky.ts";
import { journal, slow } from "./slow.ts";
import { add, countdown, echo, shout } from "./small.ts";
import { pageRoutes } from "./web.ts";

/** What the page and other clients call. */
export const app = millrace({
  path: "/rpc",
  ...await chosenBroker(),
  authenticate: ({ token }) => visitorOf(token),
  procedures: {
    add,
    catalogue,
    countdown,
    echo,
    figures: figuresOf(connections),
    files: fileProcedures,
    flights: flightProcedures,
    gates: gateProcedures,
    inbox: inboxProcedures,
    journal,
    node,
    shout,
    slow,
  },
  channels: { "chat/:room": chat, "talk/:room": talk, "drawing/:id": drawing, people, scores, sky },
});

/** The contract: a client imports this type and nothing else. */
export type App = typeof app;

function connections(): number {
  return app.stats().connections;
}

// Everybody sees the same, so this is published to channels, for as long as the process lives.
startTower((said, key) => app.publish("chat/:room", { room: "tower" }, said, { key }));
startScores((now, key) => app.publish("scores", now, { key }));
startSky((now, key) => app.publish("sky", now, { key }));

const web = new Hono();
web.get("/rpc", hono(app)); // the socket
web.post("/rpc/:name{.+}", hono(app)); // calls and publications by plain POST
web.route("/", pageRoutes());

// SIGTERM or Ctrl-C: refuse new connections, tell clients, let calls finish until the deadline, leave.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, async () => {
    await app.shutdown({ deadline: 2_000, restart: false });
    process.exit(0);
  });
}
// `deno serve` (2.9) is about to add a listener that closes all WebSockets at once, before any call could finish: it comes after ours, and is not let in.
const deno = (globalThis as { Deno?: { addSignalListener: unknown } }).Deno;
if (deno) deno.addSignalListener = () => {};

export default { fetch: web.fetch, websocket: app.websocket };
