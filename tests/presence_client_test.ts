// Presence from end to end in a simulated world: clients enter, tell, leave, vanish and come back, and those who watch know.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { z } from "zod";
import type { PresenceView } from "../client/mod.ts";
import { define } from "../mod.ts";
import { simulate } from "../testing/mod.ts";

const Who = z.object({ name: z.string() });

function start(options: object = {}) {
  const base = define<{ user: string }>();
  const { millrace } = base.with({
    channels: {
      "board/:id": base.channel({
        presence: { data: Who, members: 4 },
        allow: { presence: ({ user }) => user !== "banned", members: ({ user }) => user !== "blind" },
      }),
      room: base.channel({ presence: "count" }),
    },
  });
  const app = millrace({
    procedures: {},
    authenticate: ({ token = "" }) => ({ user: token, subject: token }),
    ...options,
  });
  const world = simulate(app, { seed: 1 });
  const client = (token: string) => world.connect({ token });
  return { app, world, client };
}

function names(view: PresenceView<{ name: string }> | undefined): string[] | undefined {
  return view && view.members.map(({ data }) => data.name).sort();
}

describe("presence in the client", () => {
  it("shows who is there, what has changed, and users with their connections", async () => {
    const { world, client } = start();
    await using _ = world;
    const [ada, ada2, bob] = ["ada", "ada", "bob"].map((user) =>
      client(user).channel("board/:id", { id: "7" })
    );
    const views: PresenceView<{ name: string }>[] = [];
    bob!.presence.watch((view) => void views.push(view));
    await world.wait(ada!.presence.enter({ name: "Ada" }));
    await world.wait(ada2!.presence.enter({ name: "Ada's phone" }));
    await world.run(500);
    const last = views.at(-1)!;
    assertEquals(names(last), ["Ada", "Ada's phone"]);
    assertEquals(last.users.map(({ user, members }) => [user, members.length]), [["ada", 2]]);
    assertEquals([last.count, last.isSample], [2, false]);
    await world.wait(ada!.presence.update({ name: "Ada L." }));
    await world.run(500);
    assertEquals(views.at(-1)!.updated.map(({ data }) => data.name), ["Ada L."]);
    await world.wait(ada2!.presence.leave());
    await world.run(500);
    assertEquals(views.at(-1)!.left.map(({ data }) => data.name), ["Ada's phone"]);
    assertEquals(names(views.at(-1)), ["Ada L."]);
  });

  it("tells who reads slowly what is another than in the view before, and not who has left and come back the same", async () => {
    const { world, client } = start();
    await using _ = world;
    const [ada, bob] = ["ada", "bob"].map((user) => client(user).channel("board/:id", { id: "7" }).presence);
    await world.wait(ada!.enter({ name: "Ada" }));
    const watch = bob!.watch();
    const next = async () => (await world.wait(watch.next())).value!;
    const first = await next();
    assertEquals(first.entered.map(({ data }) => data.name), ["Ada"]);
    await world.wait(ada!.leave());
    await world.run(500);
    await world.wait(ada!.enter({ name: "Ada" }));
    await world.wait(bob!.enter({ name: "Bob" }));
    await world.run(500);
    const second = await next();
    assertEquals(second.members.map(({ data }) => data.name).sort(), ["Ada", "Bob"]);
    assertEquals(second.entered.map(({ data }) => data.name), ["Bob"]);
    assertEquals([second.updated, second.left], [[], []]);
  });

  it("stays over a lost connection without anybody noticing, and goes when the client closes or vanishes", async () => {
    const { world, client } = start();
    await using _ = world;
    const ada = client("ada");
    const bob = client("bob").channel("board/:id", { id: "7" });
    const views: PresenceView<{ name: string }>[] = [];
    bob.presence.watch((view) => void views.push(view));
    await world.wait(ada.channel("board/:id", { id: "7" }).presence.enter({ name: "Ada" }));
    await world.run(500);
    const seen = views.length;
    for (let i = 0; i < 3; i++) {
      world.cut(ada);
      await world.run(5_000);
    }
    assertEquals(views.length, seen);
    world.kill(ada);
    await world.run(29_000);
    assertEquals(names(views.at(-1)), []);
    const eve = client("eve");
    await world.wait(eve.channel("board/:id", { id: "7" }).presence.enter({ name: "Eve" }));
    await world.run(200);
    assertEquals(names(views.at(-1)), ["Eve"]);
    await world.wait(eve.close());
    await world.run(300);
    assertEquals(names(views.at(-1)), []);
  });

  it("of who watches goes on after a lost connection, with what happened meanwhile", async () => {
    const { world, client } = start();
    await using _ = world;
    const bob = client("bob");
    const watch = bob.channel("board/:id", { id: "7" }).presence.watch({}, () => {});
    const ada = client("ada").channel("board/:id", { id: "7" });
    await world.wait(ada.presence.enter({ name: "Ada" }));
    await world.run(300);
    world.refuse(8_000);
    world.cut(bob);
    await world.wait(ada.presence.update({ name: "Ada 2" }));
    await world.run(20_000);
    assertEquals(names(watch.view), ["Ada 2"]);
  });

  it("above the threshold is an exact count and a sample; pages have everybody", async () => {
    const { world, client } = start();
    await using _ = world;
    const bob = client("bob").channel("board/:id", { id: "7" });
    const watch = bob.presence.watch(() => {});
    const all = Array.from({ length: 9 }, (_, i) => client(`m${i}`).channel("board/:id", { id: "7" }));
    await world.wait(Promise.all(all.map((one, i) => one.presence.enter({ name: `m${i}` }))));
    await world.run(500);
    assertEquals([watch.view?.count, watch.view?.isSample], [9, true]);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await world.wait(bob.presence.get({ after, limit: 4 }));
      found.push(...page.members.map(({ data }) => data.name));
      after = page.next;
    } while (after !== undefined);
    assertEquals(found.sort(), all.map((_, i) => `m${i}`));
    await world.wait(Promise.all(all.slice(2).map((one) => one.presence.leave())));
    await world.run(500);
    assertEquals([watch.view?.count, watch.view?.isSample, names(watch.view)], [2, false, ["m0", "m1"]]);
  });

  it("is told as numbers alone to who wants no more, and to all where members are only counted", async () => {
    const { world, client } = start();
    await using _ = world;
    const bob = client("bob");
    const counts: number[] = [];
    bob.channel("board/:id", { id: "7" }).presence.watch(
      { countOnly: true },
      ({ count }) => counts.push(count),
    );
    const watch = bob.channel("room").presence.watch(() => {});
    const ada = client("ada");
    await world.wait(ada.channel("board/:id", { id: "7" }).presence.enter({ name: "Ada" }));
    await world.wait(ada.channel("room").presence.enter());
    await world.run(500);
    assertEquals(counts, [0, 1]);
    assertEquals([watch.view?.count, watch.view?.members], [1, []]);
  });

  it("is read by for await, which has the latest and ends with the watch", async () => {
    const { world, client } = start();
    await using _ = world;
    const bob = client("bob").channel("board/:id", { id: "7" });
    const ada = client("ada").channel("board/:id", { id: "7" });
    const watch = bob.presence.watch();
    const got: (string[] | undefined)[] = [];
    const reading = (async () => {
      for await (const view of watch) {
        got.push(names(view));
        if (view.count === 1) break;
      }
    })();
    await world.run(200);
    await world.wait(ada.presence.enter({ name: "Ada" }));
    await world.wait(reading);
    assertEquals(got, [[], ["Ada"]]);
  });

  it("is refused as a subscription is", async () => {
    const { world, client } = start();
    await using _ = world;
    const banned = client("banned").channel("board/:id", { id: "7" });
    await assertRejects(
      async () => await world.wait(banned.presence.enter({ name: "x" })),
      Error,
      "no such channel",
    );
    await assertRejects(() => banned.presence.update({ name: "x" }), TypeError);
    const blind = client("blind").channel("board/:id", { id: "7" });
    const failed: unknown[] = [];
    blind.presence.watch(
      { onError: (error) => void failed.push((error as { code: string }).code) },
      () => {},
    );
    await assertRejects(
      async () => await world.wait(blind.presence.watch().next()),
      Error,
      "no such channel",
    );
    await assertRejects(async () => await world.wait(blind.presence.get()), Error, "no such channel");
    assertEquals(failed, ["NOT_FOUND"]);
    const wrong = client("ada").channel("board/:id", { id: "7" });
    await assertRejects(async () => await world.wait(wrong.presence.enter({ name: 7 as never })), Error);
  });

  it("can be read by server code, from a handler and from the app", async () => {
    const { app, world, client } = start();
    await using _ = world;
    await world.wait(client("ada").channel("board/:id", { id: "7" }).presence.enter({ name: "Ada" }));
    const page = await world.wait(app.presence.get("board/:id", { id: "7" }, { limit: 10 }));
    assertEquals(page.members.map(({ user, data }) => [user, data]), [["ada", { name: "Ada" }]]);
    assertEquals(await world.wait(app.channel("board/:id", { id: "7" }).presence.count()), 1);
  });

  it("of which only the latest is sent where it changes fast", async () => {
    const { world, client } = start();
    await using _ = world;
    const ada = client("ada").channel("board/:id", { id: "7" });
    const bob = client("bob").channel("board/:id", { id: "7" });
    const watch = bob.presence.watch(() => {});
    const told = Array.from({ length: 100 }, (_, i) => ada.presence.enter({ name: `${i}` }));
    const ids = new Set(await world.wait(Promise.all(told)));
    await world.run(500);
    assertEquals([ids.size, names(watch.view)], [1, ["99"]]);
  });

  it("ends with the client", async () => {
    const { world, client } = start();
    await using _ = world;
    const ada = client("ada");
    await world.wait(ada.close());
    const board = ada.channel("board/:id", { id: "7" });
    await assertRejects(async () => await world.wait(board.presence.enter({ name: "x" })), Error);
    await assertRejects(async () => await world.wait(board.presence.watch().next()), Error);
    assert(true);
  });
});
