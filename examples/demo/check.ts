// Drives a running demo as a client and prints one line a step: `deno run -A examples/demo/check.ts http://localhost:8000`, or with bun.
import { createHash } from "node:crypto";
import process from "node:process";
import { connect } from "../../client/mod.ts";
import type { App } from "./app.ts";
import { expect, runSteps } from "./check_steps.ts";

const page = process.argv[2] ?? "http://localhost:8000";
const MEBIBYTE = 1024 ** 2;

/** No step may take longer, in milliseconds. */
const PATIENCE = 8_000;

await using app = visitor();

/** Each says what it saw, or throws. */
const steps: Record<string, () => Promise<string>> = {
  async page() {
    const html = await (await fetch(page)).text();
    const script = await (await fetch(`${page}/main.js`)).text();
    expect(
      html.includes("<h1>Millrace</h1>") && script.length > 10_000,
      "the page or its script is not there",
    );
    return `${html.length + script.length} characters of page and script`;
  },

  async call() {
    const sum = await app.call.add({ a: 1, b: 2 });
    expect(sum === 3, `1 + 2 came back as ${sum}`);
    const airports = await app.call.flights.airports();
    expect(airports.length > 200, `only ${airports.length} airports`);
    return `1 + 2 = ${sum}; ${airports.length} airports, ${airports[0]?.code} the busiest`;
  },

  async stream() {
    const counted: number[] = [];
    for await (const n of app.call.countdown(5)) counted.push(n);
    expect(counted.join() === "5,4,3,2,1", `counted ${counted}`);
    let seen = 0;
    for await (const { flights, clock } of app.call.flights.departures({ speed: 60 })) {
      expect(clock instanceof Date, "the clock is no date");
      seen += flights.length;
      if (seen > 20) break;
    }
    return `counted ${counted.join(" ")}; ${seen} departures`;
  },

  async figures() {
    for await (const { memory, connections } of app.call.figures({ every: 100 })) {
      expect(memory > 0 && connections > 0, `memory ${memory}, connections ${connections}`);
      return `${(memory / MEBIBYTE).toFixed(0)} MiB resident, ${connections} connection`;
    }
    throw new Error("the stream ended before its first item");
  },

  async upload() {
    const hash = createHash("sha256");
    const answer = await app.call.files.receive(
      { name: "noise", ticket: "check-upload" },
      noise(8 * MEBIBYTE, hash),
    );
    expect(answer.bytes === 8 * MEBIBYTE, `${answer.bytes} bytes arrived`);
    expect(answer.sha256 === hash.digest("hex"), "the SHA-256 differs");
    return `${answer.bytes} bytes, SHA-256 ${answer.sha256.slice(0, 12)}… on both sides`;
  },

  async "typed error"() {
    const taken = await app.call.gates.claim({ gate: "B1", flight: "AA 12" }).result();
    expect(!taken.ok && taken.error.code === "TAKEN", "gate B1 was not taken");
    const invalid = await app.call.gates.claim({ gate: "B2", flight: "?" }).result();
    expect(!invalid.ok && invalid.error.code === "BAD_INPUT", "a wrong flight was accepted");
    return `TAKEN by ${
      !taken.ok && taken.error.code === "TAKEN" && taken.error.data.by
    }; a wrong flight is BAD_INPUT`;
  },

  async cancel() {
    const ticket = `check-${crypto.randomUUID()}`;
    const abort = new AbortController();
    const notes: string[] = [];
    const journal = app.call.journal({ ticket });
    const slow = app.call.slow({ seconds: 30, ticket }, { signal: abort.signal }).result();
    for await (const { event } of journal) {
      notes.push(event);
      if (event === "started") abort.abort();
      else break;
    }
    const answer = await slow;
    expect(!answer.ok && answer.error.code === "CANCELLED", "the call was not cancelled");
    expect(notes.join() === "started,aborted", `the server noted ${notes}`);
    return `CANCELLED here, ${notes.join(", ")} at the server`;
  },

  async channel() {
    const room = app.channel("chat/:room", { room: `check-${crypto.randomUUID()}` });
    const published = await room.publish({ from: "check", text: "one" });
    const [offsets, seen] = [[] as number[], [] as string[]];
    await room.publish({ from: "check", text: "two" });
    for await (const event of room.subscribe({ rewind: 5 })) {
      expect(event.type === "message", `a ${event.type} instead of a message`);
      offsets.push(event.position.offset);
      if (seen.push(event.data.text) === 2) break;
    }
    expect(
      published.offset === 1 && offsets.join() === "1,2" && seen.join() === "one,two",
      `saw ${offsets}: ${seen}`,
    );
    return `published, and read again: ${seen.join(", ")}, at ${offsets.join(" and ")}`;
  },

  async presence() {
    await using other = visitor();
    const [here, there] = [app.channel("people").presence, other.channel("people").presence];
    const own = await here.enter({ name: "Check", hue: 200 });
    const { members } = await there.get();
    const found = members.find(({ id }) => id === own);
    expect(found?.data.name === "Check", `${members.length} are here, and who checks is not among them`);
    await here.leave();
    const after = await there.get();
    expect(after.members.every(({ id }) => id !== own), "who has left is still here");
    return `seen by another as ${found.data.name}, of ${found.user}, and gone after leaving`;
  },

  async reactions() {
    await using other = visitor();
    const params = { room: `check-${crypto.randomUUID()}` };
    const [room, theirs] = [app.channel("talk/:room", params), other.channel("talk/:room", params)];
    const place = await room.publish({ from: "Check", text: "one" });
    await room.react(place, "emoji", "🎉");
    await theirs.react(place, "emoji", "🎉");
    await room.edit(place, { from: "Check", text: "another" });
    const refused = await theirs.delete(place).then(() => "nothing", ({ code }) => code);
    expect(refused === "FORBIDDEN", `who takes back what another said is told ${refused}`);
    const [line] = (await theirs.history()).entries;
    const { emoji } = line!.reactions;
    const total = emoji !== undefined && "values" in emoji ? emoji.values[0]?.total : undefined;
    expect(total === 2, `${total} reactions instead of 2`);
    expect(line!.data?.text === "another", `it says ${line!.data?.text}`);
    return `🎉 ${total} by two visitors, edited by one, and not by the other (${refused})`;
  },

  async post() {
    const body = JSON.stringify({ a: 20, b: 22 });
    const response = await fetch(`${page}/rpc/add`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    const sum: unknown = await response.json();
    expect(response.status === 200 && sum === 42, `${response.status} ${JSON.stringify(sum)}`);
    return `20 + 22 = ${sum} by plain POST`;
  },
};

await runSteps(steps, PATIENCE);

/** A client with a name of its own. */
function visitor() {
  const token = crypto.randomUUID();
  return connect<App>(`${page.replace("http", "ws")}/rpc`, { timeout: PATIENCE, token });
}

async function* noise(
  bytes: number,
  hash: { update(piece: Uint8Array): unknown },
): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes; at += 65_536) {
    const piece = crypto.getRandomValues(new Uint8Array(65_536));
    hash.update(piece);
    yield piece;
  }
}
