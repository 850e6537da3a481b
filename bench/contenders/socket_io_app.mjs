// Socket.IO has events with acknowledgements, and rooms. It checks no input by itself; bytes are attachments, in frames of their own.
// A stream is a loop of events.
import { z } from "zod";
import { items, range, small } from "./procedures.ts";

const TOPIC = "topic";
const binary = z.instanceof(Uint8Array);

/** Adds the procedures to a server of either engine. */
export function app(io) {
  io.on("connection", (socket) => {
    on(socket, "echo", small, (value, answer) => answer(value));
    on(socket, "bytes", binary, (value, answer) => answer(value));
    on(socket, "items", range, async (value, answer) => {
      for await (const item of items(value)) socket.emit("item", item);
      answer();
    });
    on(socket, "publish", small, (value, answer) => answer(io.to(TOPIC).emit("news", value)));
    socket.on("subscribe", (answer) => answer(socket.join(TOPIC)));
  });
}

/** An event whose input is checked. An error that is thrown by a handler would end the process. */
function on(socket, event, schema, run) {
  socket.on(event, (input, answer) => {
    const { success, data } = schema.safeParse(input);
    if (success) run(data, answer);
    else answer({ error: "bad input" });
  });
}
