import { make } from "./element.ts";
import { animate, palette, reduced } from "./look.ts";

/** One line of a chart. */
export interface Line {
  /** Its colour. */
  readonly colour: "up" | "down";
}

/** What a chart shows. */
export interface ChartOptions {
  /** Its name. */
  readonly title: string;
  /** Writes a value, for the caption and the scale. */
  readonly write: (value: number) => string;
  /** Writes the caption where it is more than the first value. */
  readonly caption?: (values: readonly number[]) => string;
  /** Its lines; by default one, from the server. */
  readonly lines?: readonly Line[];
  /** The scale reaches at least this far. */
  readonly least: number;
}

/** A live chart. */
export interface Chart {
  /** The element to put into the page. */
  readonly figure: HTMLElement;
  /** Adds a value for each line. */
  add(values: readonly number[]): void;
}

/** Milliseconds from the left edge to the right one. */
const SPAN = 60_000;

/** The right edge lies this far back, so that a point is known before it comes into view. */
const BEHIND = 300;

/** Room under the curve for the time scale, in pixels. */
const FOOT = 16;

interface Sample {
  readonly at: number;
  readonly values: readonly number[];
}

/** A chart of the last minute that moves on with time, not with its values. */
export function chart(options: ChartOptions): Chart {
  const lines = options.lines ?? [{ colour: "down" }];
  const samples: Sample[] = [];
  const value = make("strong", { text: "–" });
  const canvas = make("canvas", {
    attributes: { role: "img", "aria-label": `${options.title}, the last minute` },
  });
  const pointer = follow(canvas);
  let top = options.least;
  const draw = animate(canvas, ({ context, width, height, now }) => {
    const area = { width, height: height - FOOT, now: now - BEHIND };
    const goal = scaleFor(samples, options.least);
    top = reduced() ? goal : top + (goal - top) * 0.12;
    grid(context, area, options.write(goal));
    lines.forEach((line, index) => curve(context, area, { samples, index, top, ...line }));
    if (pointer.x !== undefined) crosshair(context, area, { samples, x: pointer.x, write: options.write });
  });
  return {
    figure: make("figure", {
      class: "chart",
      inside: [make("figcaption", { inside: [make("span", { text: options.title }), value] }), canvas],
    }),
    add(values) {
      const at = performance.now();
      samples.push({ at, values });
      while (samples.length > 2 && samples[1]!.at < at - SPAN - 2_000) samples.shift();
      value.textContent = options.caption?.(values) ?? options.write(values[0] ?? 0);
      if (reduced()) draw();
    },
  };
}

interface Area {
  readonly width: number;
  readonly height: number;
  /** The time at the right edge. */
  readonly now: number;
}

function follow(canvas: HTMLCanvasElement): { x: number | undefined } {
  const pointer: { x: number | undefined } = { x: undefined };
  canvas.addEventListener("pointermove", ({ offsetX }) => pointer.x = offsetX);
  canvas.addEventListener("pointerleave", () => pointer.x = undefined);
  return pointer;
}

/** The next of 1, 2, 5, 10, 20, 50… above all values. */
function scaleFor(samples: readonly Sample[], least: number): number {
  const most = samples.reduce((most, { values }) => Math.max(most, ...values), least);
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= most) ?? most;
}

function grid(context: CanvasRenderingContext2D, { width, height }: Area, top: string): void {
  const { line, muted } = palette();
  context.fillStyle = line;
  for (const y of [0, Math.round(height / 2), height]) context.fillRect(0, y, width, 1);
  context.fillStyle = muted;
  context.font = "11px ui-sans-serif, system-ui, sans-serif";
  context.fillText(top, 2, 12);
  context.fillText("1 min ago", 0, height + 13);
  context.textAlign = "right";
  context.fillText("now", width, height + 13);
  context.textAlign = "left";
}

function curve(
  context: CanvasRenderingContext2D,
  { width, height, now }: Area,
  { samples, index, top, colour }: { samples: readonly Sample[]; index: number; top: number } & Line,
): void {
  if (samples.length < 2) return;
  const x = (at: number) => width - (now - at) / SPAN * width;
  const y = (value: number) => height - Math.max(0, Math.min(1, value / top)) * (height - 2);
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height);
  context.clip();
  context.beginPath();
  for (const { at, values } of samples) context.lineTo(x(at), y(values[index] ?? 0));
  context.strokeStyle = context.fillStyle = palette()[colour];
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.stroke();
  context.lineTo(x(samples.at(-1)!.at), height);
  context.lineTo(x(samples[0]!.at), height);
  context.globalAlpha = 0.12;
  context.fill();
  context.restore();
}

function crosshair(
  context: CanvasRenderingContext2D,
  { width, height, now }: Area,
  { samples, x, write }: { samples: readonly Sample[]; x: number; write: (value: number) => string },
): void {
  const at = now - (width - x) / width * SPAN;
  const sample = samples.findLast((sample) => sample.at <= at);
  if (sample === undefined) return;
  const { ink } = palette();
  context.fillStyle = ink;
  context.fillRect(x, 0, 1, height);
  context.font = "12px ui-sans-serif, system-ui, sans-serif";
  context.textAlign = x > width / 2 ? "right" : "left";
  context.fillText(sample.values.map(write).join(" · "), x + (x > width / 2 ? -5 : 6), 26);
  context.textAlign = "left";
}
