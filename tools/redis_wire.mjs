// The least of a Redis client: enough for scripts and tests to give a server orders without the clients that
// are on trial.
import { connect } from "node:net";

/** @typedef {string | number | null | Error | Answer[]} Answer  an error reply inside of an array is an Error */

/**
 * Sends one command on a connection of its own.
 *
 * @param {number} port
 * @param {string[]} args
 * @param {number} [patience]  milliseconds until it gives up
 * @returns {Promise<Answer>} rejects with the server's error, or when there is no connection or no answer
 */
export function ask(port, args, patience = 10_000) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let bytes = Buffer.alloc(0);
    const end = (settle, value) => {
      socket.destroy();
      settle(value);
    };
    socket.setTimeout(
      patience,
      () => end(reject, new Error(`Redis: no answer to ${args[0]} in ${patience} ms`)),
    );
    socket.on("error", (error) => end(reject, error));
    socket.on("close", () => reject(new Error(`Redis: closed before it answered ${args[0]}`)));
    socket.on("connect", () => socket.write(encode(args)));
    socket.on("data", (data) => {
      bytes = Buffer.concat([bytes, data]);
      const answer = decode(bytes, 0);
      if (answer === undefined) return;
      if (answer.value instanceof Error) end(reject, answer.value);
      else end(resolve, answer.value);
    });
  });
}

/** A command as RESP has it: an array of bulk strings. */
function encode(args) {
  return [`*${args.length}`, ...args.flatMap((arg) => [`$${Buffer.byteLength(arg)}`, arg]), ""].join("\r\n");
}

/** The RESP2 value at `at`, and where the next one begins; undefined while it is incomplete. */
function decode(bytes, at) {
  const end = bytes.indexOf("\r\n", at);
  if (end < 0) return undefined;
  const text = bytes.toString("utf8", at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(bytes[at])) {
    case "+":
      return { value: text, next };
    case "-":
      return { value: new Error(text), next };
    case ":":
      return { value: Number(text), next };
    case "$":
      return bulk(bytes, next, Number(text));
    case "*":
      return list(bytes, next, Number(text));
    default:
      return { value: new Error(`Redis: cannot read ${JSON.stringify(text)}`), next };
  }
}

function bulk(bytes, at, length) {
  if (length < 0) return { value: null, next: at };
  if (bytes.length < at + length + 2) return undefined;
  return { value: bytes.toString("utf8", at, at + length), next: at + length + 2 };
}

function list(bytes, at, length) {
  if (length < 0) return { value: null, next: at };
  const value = [];
  let next = at;
  for (let n = 0; n < length; n++) {
    const item = decode(bytes, next);
    if (item === undefined) return undefined;
    value.push(item.value);
    next = item.next;
  }
  return { value, next };
}
