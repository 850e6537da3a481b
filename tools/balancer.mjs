// One address before several nodes: connections are passed on as they are, byte for byte, each to a node that lives.
import { connect, createServer } from "node:net";

/** A request's head may not be larger, nor take longer. */
const MOST_HEAD = 16_384;
const PATIENCE = 10_000;

/**
 * @typedef {object} Target  one node
 * @property {number} port
 * @property {boolean} isUp  whether it takes new connections
 * @property {Set<import("node:net").Socket>} sockets  the WebSockets that are passed on to it; the balancer keeps them
 *
 * @typedef {object} Request  what a connection begins with
 * @property {string} method
 * @property {string} path
 * @property {Map<string, string>} headers  by names in small letters
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {unknown} body  sent as JSON
 */

/**
 * A server that passes on. WebSockets go to the node that has the fewest of them, so two tabs are on two nodes; every other request goes to the nodes in turn.
 *
 * @param {Target[]} targets
 * @param {(request: Request, socket: import("node:net").Socket) => Promise<Answer | undefined>} own  answers what is meant for the balancer itself;
 *   `undefined` for what is meant for the nodes
 * @returns {{ server: import("node:net").Server, close(): Promise<void> }}
 */
export function balance(targets, own) {
  const open = new Set();
  let turn = 0;
  const choose = (isSocket, tried) => {
    const up = targets.filter((target) => target.isUp && !tried.has(target));
    const least = isSocket ? Math.min(...up.map(({ sockets }) => sockets.size)) : undefined;
    const fit = isSocket ? up.filter(({ sockets }) => sockets.size === least) : up;
    return fit[turn++ % fit.length];
  };
  const server = createServer((socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    readHead(socket, async (request, head, rest) => {
      const answer = await own(request, socket);
      if (answer !== undefined) return reply(socket, answer);
      const isSocket = request.headers.get("upgrade")?.toLowerCase() === "websocket";
      passOn(socket, Buffer.concat([Buffer.from(isSocket ? head : closing(head), "latin1"), rest]), {
        isSocket,
        choose,
      });
    });
  });
  const close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  return { server, close };
}

/** Reads up to the empty line behind the headers; what comes after it belongs to the body, or to the WebSocket. */
function readHead(socket, then) {
  let bytes = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), PATIENCE);
  socket.on("close", () => clearTimeout(timer));
  const read = (piece) => {
    bytes = Buffer.concat([bytes, piece]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0 && bytes.length < MOST_HEAD) return;
    clearTimeout(timer);
    socket.off("data", read).pause();
    if (end < 0) return void socket.destroy();
    const head = bytes.subarray(0, end + 4).toString("latin1");
    then(parse(head), head, bytes.subarray(end + 4)).catch(() => socket.destroy());
  };
  socket.on("data", read);
}

/** @param {string} head @returns {Request} */
function parse(head) {
  const [first, ...lines] = head.trimEnd().split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { method, path, headers };
}

/** One request for each connection: the next one may be meant for another node, or for the balancer. */
function closing(head) {
  return head.replace(/^connection:.*\r\n/gim, "").replace("\r\n", "\r\nConnection: close\r\n");
}

function passOn(socket, begun, { isSocket, choose }, tried = new Set()) {
  const target = choose(isSocket, tried);
  if (target === undefined) return reply(socket, { status: 503, body: "No node is up" });
  const node = connect(target.port, "127.0.0.1");
  if (isSocket) target.sockets.add(socket);
  let isThere = false;
  const end = () => {
    target.sockets.delete(socket);
    node.destroy();
  };
  socket.on("close", end);
  node.setNoDelay(true);
  node.on("connect", () => {
    isThere = true;
    node.write(begun);
    socket.pipe(node).pipe(socket); // what ends on one side ends on the other
  });
  node.on("error", () => {
    if (isThere) return socket.destroy();
    socket.off("close", end);
    end();
    if (!socket.destroyed) passOn(socket, begun, { isSocket, choose }, tried.add(target));
  });
  node.on("close", (hasFailed) => {
    if (!isThere) return;
    target.sockets.delete(socket);
    if (hasFailed) return socket.destroy();
    socket.end();
    socket.resume(); // nobody reads on, and without its end it would stay
  });
}

function reply(socket, { status, body }) {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${
      status === 200 ? "OK" : "-"
    }\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
  socket.resume(); // a body is not read, and must not keep it open
}
