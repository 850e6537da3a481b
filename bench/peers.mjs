// The peers that Millrace is measured beside, and their packages: peers/package.json, contenders/centrifuge/go.mod.
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { ensurePackages, root } from "../tools/setup.mjs";
import { ensureProgram, findGo } from "./generator.mjs";

/** @typedef {import("./contenders.mjs").Contender} Contender */

const ANYWHERE = ["node", "deno", "bun"];
const BOTH = ["deno", "bun"];
const RPC = ["calls", "frames", "binary"];

/** Those that are sockets and no more: each runs the JSON RPC by hand. */
const SOCKETS = [
  { name: "ws", title: "ws + JSON", runtimes: ANYWHERE, listens: true },
  { name: "crossws", title: "crossws + JSON", runtimes: ANYWHERE, topics: true },
  { name: "hono", title: "Hono + JSON", runtimes: BOTH },
  { name: "elysia", title: "Elysia + JSON", runtimes: ["bun"], topics: true },
].map(({ topics, ...row }) => ({
  ...row,
  file: `${row.name}.mjs`,
  dialect: "JsonRpc",
  has: [...RPC, "streams", "uploads", ...(topics ? ["channels"] : [])],
}));

/** In the order of the table. @type {Contender[]} */
export const PEERS = [
  {
    name: "ws-echo", // the control of Node's table
    title: "bare ws",
    file: "ws_echo.mjs",
    listens: true,
    dialect: "Echo",
    runtimes: ["node"],
    has: RPC,
  },
  ...SOCKETS,
  {
    name: "socketio",
    title: "Socket.IO",
    file: "socket_io.mjs",
    listens: true,
    dialect: "SocketIO",
    runtimes: ANYWHERE,
    has: [...RPC, "streams", "channels"],
    quick: true,
  },
  {
    name: "socketio-ws",
    title: "Socket.IO on ws",
    file: "socket_io_ws.mjs",
    dialect: "SocketIO",
    runtimes: ["bun"],
    has: [...RPC, "streams", "channels"],
    whole: ["binary-64k"], // where Socket.IO's engine for Bun does what it should not: README.md
  },
  {
    name: "capnweb",
    title: "Cap'n Web",
    file: "capnweb.mjs",
    dialect: "CapnWeb",
    runtimes: BOTH,
    has: [...RPC, "streams"],
    quick: true,
  },
  {
    name: "trpc",
    title: "tRPC",
    file: "trpc.mjs",
    listens: true,
    dialect: "TRPC",
    runtimes: ANYWHERE,
    has: [...RPC, "streams", "channels"],
  },
  {
    name: "orpc",
    title: "oRPC",
    file: "orpc.mjs",
    dialect: "ORPC",
    runtimes: BOTH,
    has: [...RPC, "streams", "channels"],
  },
  {
    name: "rpc-websockets",
    title: "rpc-websockets",
    file: "rpc_websockets.mjs",
    listens: true,
    dialect: "RPCWebsockets",
    runtimes: ANYWHERE,
    has: [...RPC, "channels"],
  },
  {
    name: "centrifuge",
    title: "Centrifuge",
    file: "centrifuge",
    dialect: "Centrifuge",
    runtimes: ["go"],
    has: [...RPC, "channels"],
  },
];

/**
 * Installs, or builds, what the peers among these contenders need.
 *
 * @returns {Promise<{ go?: string }>} the program that stands for a runtime
 */
export async function ensurePeers(contenders) {
  const peers = contenders.filter((contender) => PEERS.includes(contender));
  if (peers.length === 0) return {};
  await ensurePackages(`${root}/bench/peers`);
  // A manifest beside the contenders would make a project of its own of them for Deno, with other settings.
  const link = `${root}/bench/node_modules`;
  if (!existsSync(link)) symlinkSync("peers/node_modules", link);
  const written = peers.find(({ runtimes }) => runtimes.includes("go"));
  if (written === undefined) return {};
  const folder = `bench/contenders/${written.file}`;
  const { missing } = await findGo(folder); // a newer one than for the generator
  if (missing === undefined) return { go: await ensureProgram(folder) };
  console.log(`${written.title} is left out: ${missing}`);
  return {};
}

/** Name and version of every peer: what npm and Go were told to install. @returns {Record<string, string>} */
export function versionsOfPeers() {
  const read = (path) => readFileSync(`${root}/${path}`, "utf8");
  const { dependencies } = JSON.parse(read("bench/peers/package.json"));
  const { devDependencies } = JSON.parse(read("package.json"));
  const go = /centrifugal\/centrifuge v(\S+)/.exec(read("bench/contenders/centrifuge/go.mod"));
  return { ...dependencies, hono: devDependencies.hono, centrifuge: go[1] };
}
