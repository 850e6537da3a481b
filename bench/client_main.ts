// bench/client_loop.ts as a program: a line of JSON.
import process from "node:process";
import { measureClients } from "./client_loop.ts";

console.log(JSON.stringify(await measureClients()));
process.exit(0);
