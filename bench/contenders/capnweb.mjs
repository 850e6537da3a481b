// Cap'n Web: sessions, pipelining, bytes as base64 in its JSON, streams with flow control. It checks no input by itself.
import * as capnweb from "capnweb";
import { z } from "zod";
import { sockets } from "./sockets.ts";
import { items, range, small } from "./procedures.ts";

const binary = z.instanceof(Uint8Array);

class Api extends capnweb.RpcTarget {
  echo(input) {
    return small.parse(input);
  }
  bytes(input) {
    return binary.parse(input);
  }
  items(input) {
    return ReadableStream.from(items(range.parse(input)));
  }
}

export default sockets(
  (socket) => socket.onopen = () => void capnweb.newWebSocketRpcSession(socket, new Api()),
  globalThis.Bun ? capnweb.newBunWebSocketRpcHandler(() => new Api()) : {},
  () => ({}),
);
