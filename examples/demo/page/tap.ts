/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { WebSocketLike } from "../../../client/mod.ts";

/** A frame that passed a socket. */
export interface Frame {
  /** `up`: to the server. */
  readonly direction: "up" | "down";
  /** Borrowed: the client may use them again after the call. Copy to keep. */
  readonly bytes: Uint8Array;
}

/** Makes sockets that show what passes them. */
export interface Tap {
  /** For the client's `webSocket` option. */
  readonly open: (url: string, protocols: string[]) => WebSocketLike;
  /** Closes the socket that is open. */
  readonly drop: () => void;
  /** Cuts the network: the socket that is open is gone, and no other opens before it is mended. */
  readonly cut: () => void;
  /** Lets sockets open again. */
  readonly mend: () => void;
}

/** A tap on the sockets of one client. */
export function tap(see: (frame: Frame) => void): Tap {
  let current: WebSocket | undefined;
  let isCut = false;
  return {
    open(url, protocols) {
      if (isCut) return unreachable();
      const socket = new WebSocket(url, protocols);
      const send = socket.send.bind(socket);
      socket.send = (data: string | BufferSource | Blob) => {
        if (ArrayBuffer.isView(data)) see({ direction: "up", bytes: viewOf(data) });
        send(data);
      };
      socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
        if (data instanceof ArrayBuffer) see({ direction: "down", bytes: new Uint8Array(data) });
      });
      return current = socket;
    },
    drop: () => current?.close(),
    cut() {
      isCut = true;
      current?.close();
    },
    mend() {
      isCut = false;
      dispatchEvent(new Event("online")); // as a browser does when its network is back
    },
  };
}

/** A socket that does not come about, as where there is no network. */
function unreachable(): WebSocketLike {
  const socket: WebSocketLike = {
    binaryType: "arraybuffer",
    bufferedAmount: 0,
    readyState: 3,
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send() {},
    close() {},
  };
  const closed = new CloseEvent("close", { code: 1006, reason: "the network is cut" });
  setTimeout(() => (socket.onclose as ((event: CloseEvent) => void) | null)?.(closed), 200);
  return socket;
}

function viewOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
