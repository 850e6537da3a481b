// Who enters where it has no room leaves nothing behind, and who is asked about while rules change is asked about again.
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { channel } from "../mod.ts";
import { ManualClock } from "./suites/manual_clock.ts";
import { anything } from "./suites/pair.ts";
import { as, brokerOf, enter, leave, presenceNode } from "./suites/presence_node.ts";

describe("who enters", () => {
  it("and is a member of too many channels leaves nothing of the one where it was before", async () => {
    const clock = new ManualClock();
    const broker = brokerOf(clock);
    const server = presenceNode({ clock, broker, limits: { memberships: 2 } });
    const ada = await server.connect(as("a"));
    enter(ada, 1, "Ada", "board/0");
    let n = 1;
    for (let i = 1; i <= 20; i++) {
      enter(ada, ++n, "Ada", `board/a${i}`);
      await server.settle();
      leave(ada, ++n, `board/a${i}`);
      enter(ada, ++n, "Ada", `board/b${i}`);
      await server.settle();
      enter(ada, ++n, "Ada", `board/a${i}`); // one too many
      await server.settle();
      leave(ada, ++n, `board/b${i}`);
      await server.settle();
    }
    await clock.advance(60_000);
    const looked = new Set<string>();
    const { presence } = broker;
    const { look } = presence;
    presence.look = (name, ...more) => {
      looked.add(name);
      return look.call(presence, name, ...more);
    };
    await clock.advance(10_000);
    assertEquals([...looked], ["board/0"]);
  });

  it("is asked about again where rules may say otherwise since it was asked about", async () => {
    let isAllowed = true;
    const gate = Promise.withResolvers<void>();
    const board = channel({
      presence: anything,
      allow: {
        presence: async () => {
          const answer = isAllowed;
          await gate.promise;
          return answer;
        },
      },
    });
    const server = presenceNode({ channels: { "board/:id": board } as never });
    const ada = await server.connect(as("a"));
    enter(ada, 1, "Ada");
    await server.settle();
    isAllowed = false;
    server.node.connections().reauthorize();
    gate.resolve();
    await server.settle();
    const { presence } = server.node.publisher.channel("board/:id", { id: "7" });
    assertEquals(await presence.count(), 0);
  });

  it("and is allowed is not taken out by what a rule had said before", async () => {
    const answers: PromiseWithResolvers<boolean>[] = [];
    const presence = () => {
      const answer = Promise.withResolvers<boolean>();
      answers.push(answer);
      return answer.promise;
    };
    const board = channel({ presence: anything, allow: { presence } });
    const server = presenceNode({ channels: { "board/:id": board } as never });
    const ada = await server.connect(as("a"));
    const answer = async (is: boolean) => {
      answers.shift()!.resolve(is);
      await server.settle();
    };
    enter(ada, 1, "Ada");
    await server.settle();
    await answer(true);
    server.node.connections().reauthorize();
    enter(ada, 2, "Ada L.");
    await server.settle();
    const [before] = answers.splice(0, 1);
    await answer(true);
    before!.resolve(false);
    await server.settle();
    for (const { resolve } of answers) resolve(true);
    await server.settle();
    const of = server.node.publisher.channel("board/:id", { id: "7" });
    assertEquals(await of.presence.count(), 1);
  });
});
