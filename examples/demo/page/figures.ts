import { app, forever } from "./connection.ts";
import { type Chart, chart } from "./chart.ts";
import { element } from "./element.ts";
import { count, duration } from "./text.ts";

const EVERY = 250;

const MEBIBYTE = 1024 ** 2;
const percent = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} %`;

const charts = {
  cpu: chart({ title: "Processor, one core", write: percent, least: 10 }),
  memory: chart({ title: "Memory", write: (value) => `${count(value)} MiB`, least: 50 }),
  delay: chart({ title: "Event loop delay", write: duration, least: 5 }),
  messages: chart({
    title: "Messages a second",
    write: count,
    caption: ([received = 0, sent = 0]) => `${count(received)} in, ${count(sent)} out`,
    lines: [{ colour: "up" }, { colour: "down" }],
    least: 20,
  }),
  connections: chart({ title: "Connections", write: count, least: 5 }),
} satisfies Record<string, Chart>;

let last = performance.now();
let largest = 0;
let heard = 0;

/** Starts the charts. */
export function startFigures(): void {
  element("charts", HTMLElement).append(...Object.values(charts).map(({ figure }) => figure));
  void forever(draw);
}

/** Counts the figures from now on. @returns how many came, and the longest wait between two, in milliseconds */
export function watchFigures(): () => { heard: number; largest: number } {
  heard = 0;
  largest = 0;
  last = performance.now();
  return () => ({ heard, largest });
}

async function draw(): Promise<void> {
  last = performance.now();
  for await (const now of app.call.figures({ every: EVERY })) {
    charts.cpu.add([now.cpu]);
    charts.memory.add([now.memory / MEBIBYTE]);
    charts.delay.add([now.delay]);
    charts.messages.add([now.received, now.sent]);
    charts.connections.add([now.connections]);
    largest = Math.max(largest, performance.now() - last);
    last = performance.now();
    heard++;
  }
}
