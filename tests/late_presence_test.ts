// A watch of presence that was made before the code of channels is there, or that never comes.
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as channels from "../client/channels.ts";
import { connectWith } from "../client/client.ts";
import type { CallError, PresenceHandler } from "../client/mod.ts";
import * as offers from "../client/offers.ts";
import type { ClientPresence, WatchPresenceOptions } from "../client/presence_types.ts";
import { BULK_CODE } from "../rpc/bulk_code.ts";
import { ChannelClient } from "./suites/channel_client.ts";

/** A client whose code of channels is asked for, and comes when the test says so. */
async function start() {
  const asked: PromiseWithResolvers<typeof channels>[] = [];
  const source = () => {
    asked.push(Promise.withResolvers());
    return asked.at(-1)!.promise;
  };
  const fake = new ChannelClient({}, undefined, (url, options) => {
    return connectWith({ bulk: BULK_CODE, offers, channels: source }, url, options);
  });
  await fake.clock.settle();
  fake.socket.accept({ heartbeat: 600_000 }); // nobody gives up a silent server meanwhile
  await fake.clock.settle();
  const { presence } = fake.channel() as unknown as { presence: ClientPresence<unknown, unknown> };
  const told: string[] = [];
  return {
    fake,
    told,
    handled: () => {
      const onError = (error: unknown) => void told.push((error as CallError).code);
      return presence.watch({ onError }, () => {});
    },
    read: (options?: WatchPresenceOptions) => {
      const watch = presence.watch(options);
      const end: { value: unknown } = { value: "waits" };
      watch.next().then((result) => end.value = result.done, (error) => end.value = error.code);
      return { watch, end };
    },
    presence,
    arrive: async () => {
      for (const { resolve } of asked.splice(0)) resolve(channels);
      await fake.clock.settle();
    },
    failForGood: async () => {
      while (asked.length > 0) {
        for (const { reject } of asked.splice(0)) reject(new TypeError("Failed to fetch"));
        await fake.clock.settle();
        await fake.clock.advance(16_000);
      }
    },
  };
}

describe("a watch whose code has not come", () => {
  it("tells its onError, or who reads, that it never will, and nobody else", async () => {
    const { fake, told, handled, read, failForGood } = await start();
    handled();
    const { end } = read();
    await failForGood();
    assertEquals([told, end.value, fake.errors.length], [["UNAVAILABLE"], "UNAVAILABLE", 0]);
  });

  it("tells that the client has closed, as one does whose code is there", async () => {
    const { fake, told, handled, read } = await start();
    handled();
    const { end } = read();
    void fake.client.close();
    await fake.clock.settle();
    assertEquals([told, end.value], [["CLOSED"], "CLOSED"]);
  });

  it("ends at once for who reads when it is closed, or its signal aborts, and stays closed", async () => {
    const { told, handled, read, arrive, failForGood } = await start();
    const stop = new AbortController();
    const [one, two] = [read(), read({ signal: stop.signal })];
    handled().close();
    one.watch.close();
    stop.abort();
    await new Promise(setImmediate);
    assertEquals([one.end.value, two.end.value], [true, true]);
    await arrive();
    await failForGood();
    assertEquals([told, (await two.watch.next()).done], [[], true]);
  });

  it("refuses a handler that is none when it is given", async () => {
    const { presence } = await start();
    assertThrows(() => presence.watch({}, 42 as unknown as PresenceHandler<unknown>), TypeError);
  });
});
