/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

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
  readonly open: (url: string, protocols: string[]) => WebSocket;
  /** Cuts the socket that is open, as a network would. */
  readonly drop: () => void;
}

/** A tap on the sockets of one client. */
export function tap(see: (frame: Frame) => void): Tap {
  let current: WebSocket | undefined;
  return {
    open(url, protocols) {
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
  };
}

function viewOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
