// A binary echo server: `deno serve -A examples/socket.ts` or `bun examples/socket.ts`.
import { socketServer } from "../src/mod.ts";

export default socketServer({ message: (socket, frame) => socket.send(frame) });
