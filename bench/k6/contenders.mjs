// The contenders of the benchmark that throughput.js can drive: those whose protocol is in wire/contenders.js.
import { CONTENDERS } from "../contenders.mjs";

/** By the dialect that a contender speaks: the name of the wire, and where its WebSocket is. */
const WIRES = {
  Echo: { wire: "echo", path: "/" },
  JsonRpc: { wire: "json", path: "/" },
  Millrace: { wire: "millrace", path: "/" },
  SocketIO: { wire: "socketio", path: "/socket.io/?EIO=4&transport=websocket" },
  CapnWeb: { wire: "capnweb", path: "/" },
};

/**
 * @typedef {import("../contenders.mjs").Contender & { wire: string, path: string }} Driven
 */

/** @returns {Driven[]} */
export function contendersOn(runtime) {
  const driven = CONTENDERS.filter(({ dialect, runtimes }) => dialect in WIRES && runtimes.includes(runtime));
  return driven.map((contender) => ({ ...contender, ...WIRES[contender.dialect] }));
}

/** Those of `npm run bench -- --quick`. @returns {Driven[]} */
export function quickContendersOn(runtime) {
  return contendersOn(runtime).filter(({ quick }) => quick === true);
}

/** @returns {Driven} @throws {Error} when there is none of that name */
export function contenderNamed(name, runtime) {
  const found = contendersOn(runtime).find((contender) => contender.name === name);
  if (found !== undefined) return found;
  const names = contendersOn(runtime).map((contender) => contender.name);
  throw new Error(`There is no contender ${name} on ${runtime}: ${names.join(", ")}`);
}
