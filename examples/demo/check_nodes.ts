// Drives the demo on two nodes through the one address before them, and prints one line a step: `deno run -A examples/demo/check_nodes.ts http://localhost:8000`
// while `npm run demo -- --redis` runs, or with bun. It stops both nodes, one after the other, and starts them again.
import process from "node:process";
import { type ChannelEvent, connect, type Position } from "../../client/mod.ts";
import type { App } from "./app.ts";
import { expect, runSteps, within } from "./check_steps.ts";

const page = process.argv[2] ?? "http://localhost:8000";

/** A client has to be on another node after so many milliseconds. */
const MOVING = 10_000;

/** No step may take longer. */
const PATIENCE = 40_000;

/** Messages that each client says around the end of a node, and milliseconds between them: fewer than a room keeps, so that none may be lost. */
const BURST = 8;
const PACE = 60;

/** What a subscription saw: where, and what. */
interface Seen {
  readonly offset: number;
  /** The whole position: two that saw it at one place have the same. */
  readonly place: string;
  readonly text: string;
}

/** A client that says things in a room, and notes what it hears there and from the tower. */
class Guest {
  readonly name: string;
  readonly app = connect<App>(`${page.replace("http", "ws")}/rpc`, { timeout: PATIENCE });
  readonly heard: Seen[] = [];
  readonly tower: Seen[] = [];
  readonly wrong: string[] = [];
  readonly #room;
  /** How many things it has said. */
  said = 0;

  constructor(name: string, room: string) {
    this.name = name;
    this.#room = this.app.channel("chat/:room", { room });
    this.#room.subscribe({ rewind: 50 }, (event) => this.#note(this.heard, event));
    this.app.channel("chat/:room", { room: "tower" }).subscribe((event) => this.#note(this.tower, event));
  }

  /** Says one thing. */
  say() {
    return this.#room.publish({ from: this.name, text: `${this.name} ${++this.said}` });
  }

  /** Says several things, whatever becomes of its connection; answered when all have landed. */
  async talk(): Promise<void> {
    const landed: Promise<unknown>[] = [];
    for (let at = 0; at < BURST; at++) {
      landed.push(this.say());
      await new Promise((resolve) => setTimeout(resolve, PACE));
    }
    await Promise.all(landed);
  }

  /** The node that it is on, once it is on one. */
  async node(): Promise<string> {
    await this.app.ready();
    const { name = "?", runtime } = await this.app.call.node();
    return `${name} (${runtime})`;
  }

  #note(seen: Seen[], event: ChannelEvent<{ text: string }>): void {
    const { offset } = event.position;
    if (event.type === "message") {
      seen.push({ offset, place: placeOf(event.position), text: event.data.text });
    } else this.wrong.push(`${this.name} got a ${event.type} at ${offset}`);
  }
}

const room = `check-${crypto.randomUUID()}`;
const guests = [new Guest("Ann", room), new Guest("Ben", room)] as const;
const [ann, ben] = guests;

/** Each says what it saw, or throws. */
const steps: Record<string, () => Promise<string>> = {
  async nodes() {
    const [first, second] = [await ann.node(), await ben.node()];
    expect(first !== second, `both are on node ${first}`);
    return `Ann is on node ${first}, Ben on node ${second}`;
  },

  async channel() {
    const place = placeOf(await ann.say());
    await heardBy(guests, ann.said + ben.said);
    expect(
      ben.heard[0]?.place === place,
      `Ann's message is at ${place}, Ben sees it at ${ben.heard[0]?.place}`,
    );
    return `what Ann says on one node is at ${place} for her, and for Ben on the other`;
  },

  async gates() {
    const b1 = await ann.app.call.gates.claim({ gate: "B1", flight: "AA 1" }).result();
    const gate = !b1.ok && b1.error.code === "TAKEN" ? b1.error.data.free[0] : undefined;
    expect(gate !== undefined, "no gate is free: they are in a minute");
    const flights = ["AA 1", "BB 2"];
    const claims = guests.map(({ app }, at) =>
      app.call.gates.claim({ gate: gate as "B2", flight: flights[at]! }).result()
    );
    const [first, second] = await Promise.all(claims);
    const loser = first!.ok ? second! : first!;
    expect(first!.ok !== second!.ok, `of two claims ${first!.ok ? "both" : "none"} got gate ${gate}`);
    const by = !loser.ok && loser.error.code === "TAKEN" ? loser.error.data.by : undefined;
    expect(by === flights[first!.ok ? 0 : 1], `the other claim was not told who was faster, but ${by}`);
    return `of two claims at once, each on its node, ${by} got gate ${gate}, and the other is told so`;
  },

  stop: () => loses(ann, "stop"),
  start: () => again(),
  kill: () => loses(ben, "kill"),
  "start again": () => again(),

  async tower() {
    await until(ann, () => ann.tower.length >= 4 && ben.tower.length >= 4);
    for (const { name, tower } of guests) {
      contiguous(tower, `what ${name} heard of the tower`);
      const texts = tower.map(({ text }) => text);
      expect(new Set(texts).size === texts.length, `the tower repeats itself: ${texts.join("; ")}`);
    }
    return `both nodes announce, and each of ${ann.tower.length} departures landed once`;
  },
};

await runSteps(steps, PATIENCE);
for (const guest of guests) await guest.app.close();
process.exit(0);

/** Takes a guest's node away while both go on talking: it is on the other in time, and nobody misses anything. */
async function loses(guest: Guest, order: "stop" | "kill"): Promise<string> {
  const before = await guest.node();
  const heard = ann.said + ben.said;
  const talks = guests.map((each) => each.talk());
  await heardBy(guests, heard + 3); // the rest is said while the node goes
  const left = leaves(guest);
  const started = performance.now();
  const stopped = give(order, before);
  await within(left, MOVING);
  const after = await guest.node();
  const ms = performance.now() - started;
  expect(after !== before, `${guest.name} is on node ${after} as before`);
  expect(ms < MOVING, `${guest.name} needed ${ms.toFixed(0)} ms`);
  await Promise.all([stopped, ...talks]);
  for (const each of guests) await each.say();
  const said = ann.said + ben.said;
  await heardBy(guests, said);
  complete(said);
  return `node ${before} is gone, ${guest.name} went on at node ${after} after ${
    ms.toFixed(0)
  } ms; ${said} messages, each once, in one order, no reset`;
}

/** Starts what is down, and shows that it is given the next client. */
async function again(): Promise<string> {
  const { nodes } = await standing();
  const down = nodes.find(({ state }) => state === "down");
  expect(down !== undefined, "no node is down");
  await give("start", down.name);
  const visitor = new Guest("Cem", room);
  try {
    const node = await visitor.node();
    expect(node.startsWith(down.name), `the next client is on node ${node}, not on the one that is back`);
    await until(visitor, () => visitor.heard.length >= 10);
    contiguous(visitor.heard, "what the next client sees");
    return `the next client is on node ${node}, and sees ${visitor.heard.length} of what was said before`;
  } finally {
    await visitor.app.close();
  }
}

/** Throws unless both heard all that was said, once, in one order, without a word of a reset or a gap. */
function complete(said: number): void {
  const wrong = guests.flatMap(({ wrong }) => wrong);
  expect(wrong.length === 0, wrong.join("; "));
  for (const { name, heard } of guests) {
    contiguous(heard, `what ${name} heard`);
    expect(heard.length === said, `${name} heard ${heard.length} of ${said}`);
    for (const each of guests) {
      const numbers = heard.map(({ text }) => text.split(" ")).filter(([who]) => who === each.name);
      expect(
        numbers.every(([, n], at) => Number(n) === at + 1),
        `${name} heard ${each.name} in the wrong order, or twice`,
      );
    }
  }
  expect(JSON.stringify(ann.heard) === JSON.stringify(ben.heard), "Ann and Ben heard different things");
}

function placeOf({ epoch, offset, fingerprint }: Position): string {
  return `${offset} (epoch ${epoch}, fingerprint ${fingerprint})`;
}

function contiguous(seen: readonly Seen[], what: string): void {
  const hole = seen.find(({ offset }, at) => at > 0 && offset !== seen[at - 1]!.offset + 1);
  expect(hole === undefined, `${what} has a hole or a repetition before ${hole?.offset}`);
}

/** Answered when all have heard so many messages. */
async function heardBy(all: readonly Guest[], count: number): Promise<void> {
  for (const guest of all) await until(guest, () => guest.heard.length >= count);
}

/** Waits for something that a guest hears. */
async function until(guest: Guest, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE; !holds();) {
    expect(guest.wrong.length === 0, guest.wrong.join("; "));
    expect(
      performance.now() < end,
      `${guest.name} heard ${guest.heard.length} and ${guest.tower.length} only`,
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Answered when the guest's connection is gone. */
function leaves({ app }: Guest): Promise<void> {
  return new Promise((resolve) => {
    const end = app.on("state", ({ status }) => {
      if (status === "open") return;
      end();
      resolve();
    });
  });
}

async function standing(): Promise<{ nodes: { name: string; state: string }[] }> {
  return await (await fetch(`${page}/nodes`)).json();
}

/** Tells whoever stands before the nodes what to do with one; `node` begins with its name. */
async function give(order: "start" | "stop" | "kill", node: string): Promise<void> {
  const response = await fetch(`${page}/nodes/${node[0]}/${order}`, { method: "POST" });
  expect(response.ok, `${order} ${node}: ${response.status} ${await response.text()}`);
}
