// For contenders that bring their own server: node:http on Node, Deno and Bun.
import { createServer } from "node:http";
import process from "node:process";

/** A server that listens where the harness wants it. */
export function listen() {
  return createServer((_request, response) => response.writeHead(426).end())
    .listen(Number(process.env.PORT), "127.0.0.1");
}
