// Control of fan-out: Bun's own `publish`, which merges what is published within a turn. Speaks what fan_out_loop.ts does.
import { type Frame, native, type NativeSocket } from "./native.ts";
import type { Served } from "./sockets.ts";

interface BunSocket extends NativeSocket {
  subscribe(topic: string): void;
  publish(topic: string, frame: Frame): void;
}

const app: Served = native((socket, frame) => {
  const bun = socket as BunSocket;
  if (typeof frame === "string") {
    bun.subscribe("all");
    bun.send("subscribed");
  } else {
    bun.publish("all", frame);
  }
});
export default app;
