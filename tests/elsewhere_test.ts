// Who waits for a place in a life of the stream that the subscription is not in: told, whatever becomes of it.
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel, define } from "../mod.ts";
import { mounted } from "../rpc/mount.ts";
import { SimulatedWorld } from "../testing/world.ts";
import {
  at,
  ChannelClient,
  FRESH,
  publication,
  RECOVERED,
  RESET,
  SUBSCRIBE,
  subscribed,
  UNSUBSCRIBE,
  unsubscribed,
  wired,
} from "./suites/channel_client.ts";
import { anything } from "./suites/pair.ts";

const NAME = "board/7";
const WAIT = 2_000;

/** A client that is live at 1, and what came of waiting for the first publication of `F`. */
async function waiting() {
  const fake = await ChannelClient.connected();
  const sub = fake.follow();
  await fake.server(subscribed(1, 9, FRESH, at(0)), publication(9, 1));
  const told: unknown[] = [];
  const wait = (epoch = "F") => void sub.reaches(at(1, epoch)).then((is) => told.push(is));
  wait();
  await fake.clock.advance(WAIT - 1);
  assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]]);
  return { fake, sub, told, wait };
}

const ASKED = [[UNSUBSCRIBE, 1], [SUBSCRIBE, 2, NAME, wired(at(1, "F")), null]];
const BACK = [[UNSUBSCRIBE, 2], [SUBSCRIBE, 3, NAME, wired(at(1)), null]];

describe("a place in another life of the stream", () => {
  it("that is over does not come: the server is asked, and nothing is lost meanwhile", async () => {
    const { fake, sub, told, wait } = await waiting();
    await fake.clock.advance(1);
    assertEquals(fake.asked(), ASKED);
    await fake.server(subscribed(2, 9, RESET, at(2)));
    assertEquals([told, fake.asked()], [[], BACK]);
    await fake.server(subscribed(3, 9, RECOVERED, at(1)), publication(9, 2), publication(9, 3));
    assertEquals([told, sub.got, sub.state], [[false], [1, 2, 3], "live"]);
    wait();
    await fake.clock.settle();
    assertEquals(told, [false, false], "known from now on");
    await fake.clock.advance(10_000);
    assertEquals(fake.asked(), []);
    await fake.close();
    assertEquals(fake.clock.pending, 0);
  });

  it("that has begun comes by itself: nobody is asked", async () => {
    const { fake, sub, told } = await waiting();
    await fake.server(subscribed(1, 10, RESET, at(0, "F")), publication(10, 1));
    assertEquals([told, sub.got], [[true], [1, "reset F 0 epoch", 1]]);
    await fake.clock.advance(10_000);
    assertEquals(fake.asked(), []);
    await fake.close();
  });

  it("that has begun comes where the server was behind", async () => {
    const { fake, sub, told } = await waiting();
    await fake.clock.advance(1);
    await fake.server(subscribed(2, 10, RECOVERED, at(1, "F")));
    assertEquals([told, fake.asked()], [[], [...ASKED, ...BACK]]);
    await fake.server(subscribed(3, 10, RESET, at(1, "F")));
    assertEquals([told, sub.got], [[true], [1, "reset F 1 epoch"]]);
    await fake.close();
  });

  it("that comes and goes while it is asked for is over", async () => {
    const { fake, sub, told } = await waiting();
    await fake.clock.advance(1);
    await fake.server(subscribed(2, 10, RECOVERED, at(1, "F")), subscribed(3, 11, RESET, at(5, "G")));
    assertEquals([told, sub.got], [[false], [1, "reset G 5 epoch"]]);
    await fake.clock.advance(10_000);
    assertEquals(fake.asked(), [...ASKED, ...BACK]);
    await fake.close();
  });

  it("is asked for again when the connection is lost, or it is refused for now, meanwhile", async () => {
    const { fake, told } = await waiting();
    await fake.clock.advance(1);
    await fake.reconnect();
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, wired(at(1, "F")), null]]);
    await fake.server(unsubscribed(1, "UNAVAILABLE", 1));
    await fake.clock.advance(500);
    assertEquals([told, fake.asked()], [[], [[SUBSCRIBE, 2, NAME, wired(at(1, "F")), null]]]);
    await fake.server(subscribed(2, 9, RESET, at(1)), subscribed(3, 9, RECOVERED, at(1)));
    assertEquals(told, [false]);
    await fake.close();
  });

  it("is one of several, each asked for once", async () => {
    const { fake, told, wait } = await waiting();
    wait("G");
    wait("G");
    await fake.clock.advance(1);
    await fake.server(subscribed(2, 9, RESET, at(1)));
    assertEquals(fake.asked().slice(2), [[UNSUBSCRIBE, 2], [SUBSCRIBE, 3, NAME, wired(at(1, "G")), null]]);
    await fake.server(subscribed(3, 9, RESET, at(1)), subscribed(4, 9, RECOVERED, at(1)));
    assertEquals(told, [false, false, false]);
    await fake.close();
  });

  it("waits for the connection, and for the first answer", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    const reached = sub.reaches(at(1, "F"));
    await fake.clock.advance(10_000);
    assertEquals(fake.asked(), [[SUBSCRIBE, 1, NAME, null, null]]);
    await fake.server(subscribed(1, 9, FRESH, at(0)));
    await fake.clock.advance(WAIT);
    await fake.server(subscribed(2, 9, RESET, at(0)), subscribed(3, 9, RECOVERED, at(0)));
    assertEquals(await reached, false);
    await fake.close();
  });

  it("is none where it is no position", async () => {
    const fake = await ChannelClient.connected();
    const sub = fake.follow();
    for (const position of [undefined, null, {}, { ...at(1), epoch: "" }]) {
      await assertRejects(
        () => sub.reaches(position as never),
        TypeError,
        "Cannot wait: the position is none",
      );
    }
    await fake.close();
  });
});

function open() {
  const { millrace, procedure } = define().with({
    channels: { news: channel({ message: anything, history: { messages: 0 } }) },
  });
  const app = millrace({
    authenticate: () => ({ subject: "ada" }),
    procedures: {
      say: procedure({ input: anything }, async (text, { publish }) => {
        await publish("news", text);
      }),
    },
  });
  return new SimulatedWorld<typeof app>({ seed: 1, makeNode: (nodes) => mounted(app).makeNode(nodes) });
}

describe("seen()", () => {
  it("ends where the stream was lost between the call and the subscription", async () => {
    await using world = open();
    const client = world.connect();
    const call = client.call.say("x");
    await world.wait(call);
    world.loseStream("news");
    const got: unknown[] = [];
    const sub = client.channel("news").subscribe((event) =>
      void got.push(event.type === "message" ? event.data : event.type)
    );
    await world.wait(sub.ready());
    await world.wait(Promise.all([client.seen(call), client.call.say("y"), client.call.say("z")]));
    await world.run(1_000);
    assertEquals([got, sub.state], [["y", "z"], "live"]);
  });

  it("ends in a page that was loaded anew, where the ledger tells of a life that is over", async () => {
    await using world = open();
    const before = world.connect();
    await world.wait(before.call.say("x", { key: "k" }));
    await world.wait(before.close());
    world.loseStream("news");
    const client = world.connect();
    const sub = client.channel("news").subscribe(() => {});
    await world.wait(sub.ready());
    await world.wait(client.seen(client.call.say("x", { key: "k" })));
  });
});
