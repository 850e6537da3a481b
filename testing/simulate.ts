/**
 * A user's app in a world of its own.
 *
 * @module
 */
import type { HasContract } from "../rpc/contract.ts";
import { mounted } from "../rpc/mount.ts";
import type { Conditions } from "./lane.ts";
import type { Random } from "./random.ts";
import { SimulatedWorld, type World } from "./world.ts";

/** What {@linkcode simulate} takes. */
export interface SimulateOptions {
  /** Decides everything that is left to chance. @default 1 */
  readonly seed?: number;
  /** What the way of a new connection of a client is like. @default GOOD */
  readonly conditions?: (client: string, random: Random) => Conditions;
}

/**
 * Puts an app, as `millrace()` gives it, into a simulated world: its real server and real clients, without sockets and without waiting. Time stands still
 * until the test runs it, the network does what the test says, and all chance comes from the seed, so that what was seen once can be seen again.
 *
 * As long as it lives, `app.publish`, `app.channel`, `app.connections`, `app.stats` and `app.caller` speak to the server of the world (of several, of the one that
 * was made last), so that code outside of handlers can be tested as it is: `await world.wait(app.publish("news", "hello"))`. What `app.channel()` gave before stays with the
 * app's own server.
 *
 * Handlers that wait must do so by the clock of the server, `world.serverClock`: a real timer would not know of virtual time.
 *
 * What a handler of a subscription throws goes to the client's `onError`, a failed assertion too: let it collect, and assert outside.
 *
 * @param app The app. Its handlers run as they are; each world has a server of its own.
 * @returns The world. Dispose of it at the end: that closes its clients, and gives the app back to its own server.
 * @throws {TypeError} If `millrace()` did not make the app.
 *
 * @example
 * ```ts
 * import { millrace, procedure } from "@millrace/millrace";
 * import { simulate } from "@millrace/millrace/testing";
 *
 * const app = millrace({ procedures: { hello: procedure(() => "world") } });
 *
 * await using world = simulate(app, { seed: 1 });
 * const client = world.connect();
 * console.log(await world.wait(client.call.hello())); // world
 * world.cut(client);
 * await world.run(100);
 * console.log(await world.wait(client.call.hello())); // world, over the next connection
 * ```
 */
export function simulate<App extends HasContract>(
  app: App,
  { seed = 1, conditions }: SimulateOptions = {},
): World<App> {
  const behind = mounted(app);
  let leave = () => {};
  const world = new SimulatedWorld<App>({
    seed,
    makeNode: (surroundings) => behind.makeNode(surroundings),
    ...(conditions === undefined ? {} : { conditions }),
    over: () => leave(),
  });
  leave = behind.enter(world.node);
  return world;
}
