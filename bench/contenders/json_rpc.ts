// Control: a JSON RPC by hand on the bare socket.
import { jsonFrame } from "./json_calls.ts";
import { native } from "./native.ts";
import type { Served } from "./sockets.ts";

const app: Served = native(jsonFrame);
export default app;
