// WebSockets on the bare runtime with nothing between: what the contenders without a server of their own run on.
//   deno serve -A bench/contenders/echo.ts        bun bench/contenders/echo.ts
import { type Served, sockets } from "./sockets.ts";

/** A frame: text, or bytes in the type that the runtime gives when it is told nothing else. */
export type Frame = string | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** The part of a socket that Deno's and Bun's share. */
export interface NativeSocket {
  send(frame: Frame): unknown;
}

/** Serves `message`, which is called once for each frame; `close` is called when a connection has ended. */
export function native(
  message: (socket: NativeSocket, frame: Frame) => void,
  close: (socket: NativeSocket) => void = () => {},
): Served {
  return sockets((socket) => {
    socket.onmessage = ({ data }) => message(socket, data);
    socket.onclose = () => close(socket);
  }, { message, close });
}
