// crossws and the JSON RPC by hand, with crossws' adapter for each runtime.
import { jsonFrame } from "./json_calls.ts";
import { listen } from "./listen.mjs";

function message(peer, frame) {
  jsonFrame(peer, frame.text(), {
    subscribe: () => peer.subscribe("topic"),
    publish: (text) => peer.publish("topic", text),
  });
}

const options = { hooks: { message }, idleTimeout: 0 };
let served;
if (globalThis.Deno) {
  const { default: crossws } = await import("crossws/adapters/deno");
  served = { fetch: crossws(options).handleUpgrade };
} else if (globalThis.Bun) {
  const { default: crossws } = await import("crossws/adapters/bun");
  const { handleUpgrade, websocket } = crossws(options);
  served = { fetch: handleUpgrade, websocket };
} else {
  const { default: crossws } = await import("crossws/adapters/node");
  listen().on("upgrade", crossws(options).handleUpgrade);
}
export default served;
