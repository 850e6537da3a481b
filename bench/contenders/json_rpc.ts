// Control: a JSON RPC by hand on the bare socket.
import { jsonFrame } from "./json_calls.ts";
import { native, type Served } from "./native.ts";

const app: Served = native(jsonFrame);
export default app;
