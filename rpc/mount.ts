/**
 * The door from what `millrace()` gives to the app behind it: for frameworks' routes and for the simulator, which import no sockets.
 *
 * @module
 */
import type { Node, NodeSurroundings } from "./node.ts";

/** What a framework's route needs of an app, answers that do not look at the path, and what the simulator does. */
export interface Mounted {
  /** The app itself. */
  readonly [MOUNT]: {
    /** Answers a handshake. */
    upgrade(request: Request, info: unknown): Response;
    /** Answers a call by `POST`. */
    post(request: Request, info: unknown, name: string): Response | Promise<Response>;
    /** The same app without sockets, in other surroundings. */
    makeNode(surroundings: NodeSurroundings): Node;
    /** What the program does with the app happens on this node, until the function that it returns is called: of several, on the latest. */
    enter(node: Node): () => void;
  };
}

/** Where {@linkcode Mounted} is found. */
export const MOUNT: unique symbol = Symbol("millrace");

/**
 * The app behind what `millrace()` gave.
 *
 * @throws {TypeError} If it did not.
 */
export function mounted(app: object): Mounted[typeof MOUNT] {
  const found = (app as Partial<Mounted>)[MOUNT];
  if (found === undefined) throw new TypeError("Cannot mount the app: millrace() did not make it");
  return found;
}
