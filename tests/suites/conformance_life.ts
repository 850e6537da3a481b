/** Conformance: connections, calls to the client, calls by POST. */
import { all, failure, same, told, truly, until } from "./check.ts";
import type { Case } from "./conformance.ts";

/** The cases. */
export const lifeCases: Readonly<Record<string, Case>> = {
  "the server calls what the client offers": async ({ client }) => {
    const { call } = client({
      client: {
        confirm: (question, { errors }) => {
          if (question === "busy?") throw errors.BUSY({ until: 5 });
          return question === "sure?";
        },
        screen: {
          count: async function* (from) {
            while (from > 0) yield from--;
          },
        },
        sum: async (_, items) => {
          let sum = 0;
          for await (const n of items) sum += n;
          return sum;
        },
        never: () => new Promise<never>(() => {}),
      },
    });
    same([await call.ask("sure?"), await call.ask("really?")], [true, false]);
    same(await call.askQuietly("busy?"), { code: "BUSY", data: { until: 5 } });
    same(await all(call.askStream(3)), [30, 20, 10]);
    same(await call.askUpload([1, 2, 3]), 6);
    same((await failure(call.askNever())).code, "DEADLINE");
    same((await call.gauges())["calls"], 1);
  },

  "a client that offers nothing is not found": async ({ client }) => {
    same(await client().call.askQuietly("sure?"), { code: "NOT_FOUND" });
  },

  "a refused token is final": async ({ client }) => {
    const bad = client({ token: "bad" });
    same(told(await failure(bad.call.add({ a: 1, b: 2 }))), { code: "UNAUTHENTICATED" });
    same([bad.state.status, bad.state.reason?.code], ["closed", 4401]);
    const banned = client({ token: "banned" });
    same(told(await failure(banned.ready())), { code: "FORBIDDEN" });
    same([banned.state.status, banned.state.reason?.code], ["closed", 4403]);
  },

  "calls in flight go on when the client comes back": async ({ client, ticket }) => {
    const app = client({ backoff: { base: 1 } });
    const waiting = failure(app.call.wait(ticket));
    await until(() => app.call.journal(ticket), ["started"]);
    same(await app.call.kick(4500), undefined);
    same(app.state, { status: "open", resumed: true });
    same(await app.call.journal(ticket), ["started"]);
    await app.close();
    same(told(await waiting), { code: "CLOSED", ambiguous: true });
  },

  "without a session calls in flight at a close are ambiguous, and the client comes back": async (
    { client, ticket },
  ) => {
    const app = client({ backoff: { base: 1 }, limits: { session: 0 } });
    const waiting = failure(app.call.wait(ticket));
    await until(() => app.call.journal(ticket), ["started"]);
    const kicked = failure(app.call.kick(4500));
    same(told(await waiting), { code: "DISCONNECTED", ambiguous: true });
    same(told(await kicked), { code: "DISCONNECTED", ambiguous: true });
    same(await app.call.add({ a: 1, b: 2 }), 3);
    same(app.state.status, "open");
    await until(() => app.call.journal(ticket), ["started", "aborted: DISCONNECTED"]);
  },

  "a final close is final": async ({ client }) => {
    const app = client();
    await failure(app.call.kick(4403));
    same([app.state.status, app.state.reason], ["closed", { code: 4403, reason: "kicked" }]);
    same((await failure(app.call.add({ a: 1, b: 2 }))).code, "FORBIDDEN");
  },

  "closing ends what runs, and the handler hears of it": async ({ client, ticket }) => {
    const app = client();
    const waiting = failure(app.call.wait(ticket));
    await until(() => app.call.journal(ticket), ["started"]);
    await app.close();
    same(told(await waiting), { code: "CLOSED", ambiguous: true });
    same(told(await failure(app.call.add({ a: 1, b: 2 }))), { code: "CLOSED" });
    const other = client();
    await until(() => other.call.journal(ticket), ["started", "aborted: DISCONNECTED"]);
  },

  "onConnect and onDisconnect come in pairs": async ({ client }) => {
    const { call } = client();
    const before = await call.counts();
    const other = client();
    await other.ready();
    same((await call.counts()).connected, before.connected + 1);
    await other.close();
    await until(async () => (await call.counts()).disconnected, before.disconnected + 1);
  },

  "a call by POST, in both content types": async ({ url }) => {
    const post = (name: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(`${url}/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const sum = await post("add", { a: 1, b: 2 });
    same([sum.status, await sum.json()], [200, 3]);
    const ada = await post("who", undefined, { authorization: "Bearer ada" });
    same((await ada.json() as { user: string }).user, "ada");
    const taken = await post("users.rename", "ada");
    same([taken.status, (await taken.json() as { data: unknown }).data], [422, { by: "Ada" }]);
    same((await post("nothing", undefined)).status, 204);
    const packed = await fetch(`${url}/add`, {
      method: "POST",
      headers: { "content-type": "application/msgpack" },
      body: new Uint8Array([0x82, 0xa1, 0x61, 1, 0xa1, 0x62, 2]),
    });
    same([packed.status, new Uint8Array(await packed.arrayBuffer())], [200, new Uint8Array([3])]);
  },

  "a plain GET is told to upgrade, another path does not exist": async ({ url }) => {
    const get = await fetch(url);
    same([get.status, get.headers.get("upgrade")], [426, "websocket"]);
    await get.body?.cancel();
    const other = await fetch(new URL("/elsewhere", url));
    same(other.status, 404);
    await other.body?.cancel();
  },

  "when all is over nothing is left": async ({ client }) => {
    const { call } = client();
    const gauges = async () => {
      const { connections, calls, streams, lingering } = await call.gauges();
      return { connections, calls, streams, lingering };
    };
    await until(gauges, { connections: 1, calls: 1, streams: 0, lingering: 0 });
    truly((await call.gauges())["heldBytes"]! < 100_000, "few bytes are held");
  },
};
