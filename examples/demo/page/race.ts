import { element } from "./element.ts";
import { animate, palette, reduced } from "./look.ts";
import type { Frame } from "./tap.ts";
import { size, some } from "./text.ts";

/** How long a frame is seen on its way. It is there long before: this is for the eye. */
const CROSSING = 2_600;

/** More than this many on their way are not drawn. */
const MOST = 400;

interface Fleck {
  readonly at: number;
  readonly up: boolean;
  readonly bytes: number;
}

const flecks: Fleck[] = [];
const sums = { up: { frames: 0, bytes: 0 }, down: { frames: 0, bytes: 0 } };

/** Notes a frame for the band at the top of the page. */
export function noteFrame({ direction, bytes }: Frame): void {
  const sum = sums[direction];
  sum.frames++;
  sum.bytes += bytes.byteLength;
  if (flecks.length < MOST) {
    flecks.push({ at: performance.now(), up: direction === "up", bytes: bytes.byteLength });
  }
}

/** Starts the band: each frame passes as a stroke, the longer the more bytes it has. */
export function startRace(): void {
  animate(element("race", HTMLCanvasElement), ({ context, width, height, now }) => {
    while (flecks.length > 0 && now - flecks[0]!.at > CROSSING) flecks.shift();
    if (reduced()) return;
    banks(context, width, height);
    for (const fleck of flecks) stroke(context, fleck, { width, height, now });
  });
  setInterval(showRates, 1_000);
}

function banks(context: CanvasRenderingContext2D, width: number, height: number): void {
  context.fillStyle = "rgb(255 255 255 / 0.07)";
  for (const y of [0, height / 2 - 0.5, height - 1]) context.fillRect(0, y, width, 1);
}

function stroke(
  context: CanvasRenderingContext2D,
  { at, up, bytes }: Fleck,
  { width, height, now }: { width: number; height: number; now: number },
): void {
  const colours = palette();
  const way = (now - at) / CROSSING;
  const length = 3 + Math.log2(bytes + 1) * 2.2;
  const x = up ? way * (width + length) - length : width - way * (width + length);
  // Frames that leave together keep to different lines, so that they can be told apart.
  const lane = (Math.round(at * 7) % 5 - 2) * height / 14;
  const y = height * (up ? 0.75 : 0.25) + lane;
  context.fillStyle = up ? colours.bedUp : colours.bedDown;
  context.globalAlpha = 0.45 + 0.55 * Math.sin(Math.PI * Math.min(1, way * 1.4));
  context.beginPath();
  context.roundRect(x, y - 1.25, length, 2.5, 1.25);
  context.fill();
  context.globalAlpha = 1;
}

function showRates(): void {
  for (const direction of ["up", "down"] as const) {
    const sum = sums[direction];
    element(`rate-${direction}`, HTMLElement).textContent = `${some(sum.frames, "frame")}/s, ${
      size(sum.bytes)
    }/s`;
    sum.frames = sum.bytes = 0;
  }
}
