// The link as a process of its own, so that it has an event loop to itself: says its port on stdout, runs until it is ended.
//   node --experimental-strip-types bench/link_proxy.ts PORT MBIT_PER_SECOND ROUND_TRIP_MS
import process from "node:process";
import { shapedLink } from "./link.ts";

const [port, megabits, roundTrip] = process.argv.slice(2).map(Number) as [number, number, number];
const rate = megabits * 1_000_000 / 8;
const link = await shapedLink(port, { rate, delay: roundTrip / 2, queue: Math.max(16 * 1024, rate * 0.005) });
console.log(link.port);
