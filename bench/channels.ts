// Microseconds of one publication and its delivery to one subscriber, over a socket that throws away what it is given: with more and more channels
// that take turns, and on one channel with more and more history. The broker is the one in memory.
//   deno run -A bench/channels.ts        bun bench/channels.ts
// CPU time of all threads, the median of many rounds; each delivery is counted. No kernel, no runtime's socket: what is ours.
import process from "node:process";
import { decodeMulti, encode } from "@msgpack/msgpack";
import { type App, type Client, connect, settle } from "./core/socket.ts";
import { flagsOf } from "./flags.ts";

flagsOf("channels.ts", {});
const { channel, millrace } = await import("../mod.ts");
const { small } = await import("./contenders/procedures.ts");

const ROUNDS = 60;
/** Publications of a round, and of a turn: as many as `fan-out-bursts` has. */
const [ROUND, TURN] = [1_280, 64];
/** Subscriptions of one connection: 128 are allowed. */
const EACH = 100;
/** A subscriber acknowledges at the latest when it has so many (docs/protocol.md, SEEN). */
const SEEN_AT = 200;
const [SUBSCRIBED, PUBLICATION] = [33, 36];
const VALUE = { n: 12_345, s: "sixteen letters." };

/** A server whose channels keep `history` publications. */
function serverOf(history: number) {
  return millrace({
    procedures: {},
    channels: { "topic/:id": channel({ message: small, history: { messages: history } }) },
  });
}
type Server = ReturnType<typeof serverOf>;

/** Ends turns until something has happened, but not for ever. On Deno the turn after one of many connections ends with a timeout. */
async function until(done: () => boolean): Promise<void> {
  await settle();
  for (let i = 0; i < 100 && !done(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    await settle();
  }
}

/** Subscribers of so many channels, and what they got. */
class Audience {
  delivered = 0;
  subscribed = 0;
  readonly #app: Server;
  readonly #clients: Client[] = [];
  readonly #due: (() => void)[] = [];

  constructor(app: Server) {
    this.#app = app;
  }

  async subscribe(channels: number): Promise<void> {
    for (let from = 0; from < channels; from += EACH) this.#connect(from, Math.min(channels, from + EACH));
    await until(() => this.subscribed === channels);
    if (this.subscribed !== channels) throw new Error(`${this.subscribed} of ${channels} are subscribed`);
  }

  #connect(from: number, to: number): void {
    const client = connect(this.#app as unknown as App, (frame) => {
      for (const message of decodeMulti(frame) as Iterable<number[]>) this.#hear(message, seen);
    });
    this.#clients.push(client);
    const say = (...messages: unknown[]) => {
      for (const message of messages) client.receive(new Uint8Array(encode(message)));
    };
    const seen = (alias: number, offset: number) => say([39, alias, offset]);
    say([0, 1, null, 0, encode({ agent: "bench" })]);
    for (let id = from; id < to; id++) say([32, id - from + 1, `topic/${id}`, null, null]);
  }

  #hear([kind, first, second]: number[], seen: (alias: number, offset: number) => void): void {
    if (kind === SUBSCRIBED) this.subscribed++;
    if (kind !== PUBLICATION) return;
    this.delivered++;
    if (second! % SEEN_AT === 0) this.#due.push(() => seen(first!, second!));
  }

  leave(): void {
    for (const client of this.#clients.splice(0)) client.close();
  }

  /** After the turn in which they came, as a client does. */
  acknowledge(): void {
    for (const seen of this.#due.splice(0)) seen();
  }
}

/** Publishes once to each of a turn's channels, which go round, and waits until all is delivered. */
async function round(app: Server, audience: Audience, channels: number, at: number): Promise<void> {
  for (let done = 0; done < ROUND; done += TURN) {
    const ids = Array.from({ length: TURN }, (_, i) => String((at + done + i) % channels));
    const all = ids.map((id) => app.publish("topic/:id", { id }, VALUE));
    const wanted = audience.delivered + TURN;
    await Promise.all(all);
    await until(() => audience.delivered === wanted);
    audience.acknowledge();
  }
}

async function measure(channels: number, history: number): Promise<number> {
  const app = serverOf(history);
  const audience = new Audience(app);
  await audience.subscribe(channels);
  const costs: number[] = [];
  // To warm up, and so that each channel has been published to before: the first time makes its history.
  const warmUp = Math.max(ROUNDS / 2, Math.ceil(channels / ROUND));
  for (let i = -warmUp; i < ROUNDS; i++) {
    const at = (i + warmUp) * ROUND;
    const [before, delivered] = [process.cpuUsage(), audience.delivered];
    await round(app, audience, channels, at);
    const { user, system } = process.cpuUsage(before);
    if (i >= 0) costs.push((user + system) / ROUND);
    if (audience.delivered - delivered !== ROUND) {
      throw new Error(`${audience.delivered - delivered} of ${ROUND} publications were delivered`);
    }
  }
  audience.leave();
  await settle();
  return costs.sort((a, b) => a - b)[costs.length >> 1]!;
}

for (const channels of [1, 1_000, 10_000, 100_000]) {
  console.log(`${channels} channels: ${(await measure(channels, 1_000)).toFixed(2)} µs`);
}
for (const history of [0, 100, 1_000]) {
  console.log(`one channel that keeps ${history}: ${(await measure(1, history)).toFixed(2)} µs`);
}
process.exit(0);
