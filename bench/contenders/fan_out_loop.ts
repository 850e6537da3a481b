// Control of fan-out: a loop over all subscribers, with one `send` each. A text frame subscribes, a binary one is published.
import { native, type NativeSocket } from "./native.ts";
import type { Served } from "./sockets.ts";

const subscribers = new Set<NativeSocket>();

const app: Served = native((socket, frame) => {
  if (typeof frame === "string") {
    subscribers.add(socket);
    socket.send("subscribed");
  } else {
    for (const subscriber of subscribers) subscriber.send(frame);
  }
}, (socket) => subscribers.delete(socket));
export default app;
