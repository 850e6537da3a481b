/**
 * A user's test of an app on a network that fails. `deno test -A examples/dropped_test.ts` and `bun test ./examples/dropped_test.ts` run it; no
 * socket is opened, and nothing waits for real time. Handlers collect and the tests assert: what a handler throws goes to the client's `onError`, and fails no test.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { channel, isCallError, millrace, procedure } from "@millrace/millrace";
import { simulate } from "@millrace/millrace/testing";
import type { Client } from "@millrace/millrace/testing";
import { z } from "zod";

/** A till: what is paid is counted, so that paying twice shows. */
function till() {
  let paid = 0;
  return millrace({
    procedures: {
      pay: procedure({ input: z.number() }, (amount) => paid += amount),
      total: procedure(() => paid),
    },
  });
}

test("the connection drops while the answer is on its way: the caller knows that it does not know", async () => {
  await using world = simulate(till(), { seed: 1 });
  const client = world.connect();
  await world.wait(client.ready());
  world.stall(client, "down", 1_000); // the payment arrives, its answer is held back
  const payment = client.call.pay(5).result();
  await world.run(100);
  world.cut(client);
  const answer = await world.wait(payment);
  if (answer.ok) assert.equal(answer.value, 5);
  else assert.ok(isCallError(answer.error) && answer.error.ambiguous);
  assert.equal(await world.wait(client.call.total()), 5); // over the next connection
});

test("a laptop that sleeps for an hour comes back by itself", async () => {
  await using world = simulate(till(), { seed: 2 });
  const client = world.connect();
  await world.wait(client.call.pay(1));
  world.sleep(client);
  await world.run(3_600_000);
  world.wake(client);
  await world.run(1_000); // it notices that its connection is gone
  assert.equal(await world.wait(client.call.total()), 1);
});

test("whatever the seed, payments that were answered are counted once", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    await using world = simulate(till(), { seed });
    const client = world.connect();
    let [sure, unsure] = [0, 0];
    for (let i = 0; i < 20; i++) {
      const payment = client.call.pay(1).result();
      await world.run(world.random.between(0, 40));
      if (world.random.chance(0.3)) world.cut(client, { client: 0, server: 200 });
      const answer = await world.wait(payment);
      if (answer.ok) sure++;
      else if (answer.error.ambiguous) unsure++;
    }
    await world.run(1_000);
    const total = await world.wait(client.call.total());
    assert.ok(total >= sure && total <= sure + unsure, `seed ${seed}: ${sure} and ${unsure} make ${total}`);
  }
});

/** A chat: the last hundred messages of a room are kept. */
function chat() {
  return millrace({
    channels: { "room/:id": channel({ message: z.string(), history: { messages: 100 } }) },
    procedures: {},
    onError: () => {}, // told when a replica lacked messages
  });
}

/** What a user's program keeps of a room: what it has seen, and how often it had to begin anew. */
class Room {
  messages: string[] = [];
  resets = 0;

  constructor(client: Client<ReturnType<typeof chat>>) {
    const room = client.channel("room/:id", { id: "7" });
    room.subscribe({ rewind: 100 }, async (event) => {
      if (event.type === "message") this.messages.push(event.data);
      if (event.type !== "reset") return;
      // What it has does not go on: it reads what there is up to the place from which on messages come.
      this.resets++;
      const { entries } = await room.history({ before: event.position.offset + 1 });
      this.messages = entries.map(({ data }) => data).reverse();
    });
  }
}

test("the connection drops and others go on talking: nothing is missing and nothing comes twice", async () => {
  await using world = simulate(chat(), { seed: 3 });
  const [ada, bob] = [world.connect(), world.connect()];
  const room = new Room(ada);
  await world.wait(bob.channel("room/:id", { id: "7" }).publish("one"));
  await world.run(100);
  world.cut(ada, { client: 3_000, server: 0 }); // she notices after three seconds
  await world.wait(bob.channel("room/:id", { id: "7" }).publish("two"));
  await world.wait(bob.channel("room/:id", { id: "7" }).publish("three"));
  await world.run(10_000);
  assert.deepEqual(room.messages, ["one", "two", "three"]);
  assert.equal(room.resets, 0);
});

test("the history was trimmed meanwhile: a reset tells, and the program reads what is left", async () => {
  await using world = simulate(chat(), { seed: 4 });
  const [ada, bob] = [world.connect(), world.connect()];
  const room = new Room(ada);
  await world.wait(bob.channel("room/:id", { id: "7" }).publish("one"));
  await world.run(100);
  world.cut(ada, { client: 3_000, server: 0 });
  for (const text of ["two", "three", "four"]) {
    await world.wait(bob.channel("room/:id", { id: "7" }).publish(text));
  }
  world.trim("room/7", 1);
  await world.run(10_000);
  assert.deepEqual(room.messages, ["four"]);
  assert.equal(room.resets, 1);
});

test("a replica takes over that lacks the last message: a reset takes it back", async () => {
  await using world = simulate(chat(), { seed: 5 });
  const [ada, bob] = [world.connect(), world.connect()];
  const room = new Room(ada);
  for (const text of ["one", "two", "three"]) {
    await world.wait(bob.channel("room/:id", { id: "7" }).publish(text));
  }
  await world.run(100);
  assert.deepEqual(room.messages, ["one", "two", "three"]);
  world.failOver("room/7", 1);
  await world.run(1_000);
  assert.deepEqual(room.messages, ["one", "two"]);
  await world.wait(bob.channel("room/:id", { id: "7" }).publish("four"));
  await world.run(1_000);
  assert.deepEqual(room.messages, ["one", "two", "four"]);
  assert.equal(room.resets, 1);
});

test("what the program publishes outside of its handlers reaches who is in the world", async () => {
  const app = chat();
  await using world = simulate(app, { seed: 6 });
  const ada = world.connect();
  const room = new Room(ada);
  await world.wait(ada.ready());
  await world.run(100);
  await world.wait(app.publish("room/:id", { id: "7" }, "The server says hello"));
  await world.run(100);
  assert.deepEqual(room.messages, ["The server says hello"]);
  assert.equal(app.connections().size, 1);
});
