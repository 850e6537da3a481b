import { animate, palette, reduced } from "./look.ts";

/** A place, in degrees. */
export interface Place {
  readonly longitude: number;
  readonly latitude: number;
}

/** How long a flight is seen to fly. */
const FLIGHT = 2_500;

interface Arc {
  readonly from: Place;
  readonly to: Place;
  readonly late: boolean;
  readonly at: number;
}

/** A place on the map, before it is fitted to a canvas. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A map of dots over which flights pass as arcs. */
export function flightMap(canvas: HTMLCanvasElement): {
  /** Shows these airports as dots. */
  show(places: readonly Place[]): void;
  /** Lets a flight pass. */
  fly(from: Place, to: Place, late: boolean): void;
} {
  let dots: readonly Point[] = [];
  const arcs: Arc[] = [];
  const draw = animate(canvas, ({ context, width, height, now }) => {
    while (arcs.length > 0 && now - arcs[0]!.at > FLIGHT) arcs.shift();
    const fit = fitter(width, height);
    context.fillStyle = palette().muted;
    context.globalAlpha = 0.55;
    for (const dot of dots) context.fillRect(...pair(fit(dot)), 1.3, 1.3);
    context.globalAlpha = 1;
    for (const arc of arcs) drawArc(context, arc, { fit, now });
  });
  return {
    show(places) {
      dots = places.filter(mainland).map(project);
      draw();
    },
    fly(from, to, late) {
      if (mainland(from) && mainland(to) && arcs.length < 200) {
        arcs.push({ from, to, late, at: performance.now() });
      }
    },
  };
}

/** Alaska, Hawaii and the islands are on the board only. */
export function mainland({ longitude, latitude }: Place): boolean {
  return longitude > -125.5 && longitude < -66 && latitude > 24 && latitude < 50;
}

const radians = (degrees: number) => degrees * Math.PI / 180;

/** Albers' equal-area conic for the mainland: parallels 29.5 and 45.5 north, centre 96 west, 37.5 north. */
const CONE = (Math.sin(radians(29.5)) + Math.sin(radians(45.5))) / 2;
const BASE = Math.cos(radians(29.5)) ** 2 + 2 * CONE * Math.sin(radians(29.5));
const radius = (latitude: number) => Math.sqrt(BASE - 2 * CONE * Math.sin(radians(latitude))) / CONE;

/** A place as a point. */
export function project({ longitude, latitude }: Place): Point {
  const angle = CONE * radians(longitude + 96);
  const far = radius(latitude);
  return { x: far * Math.sin(angle), y: far * Math.cos(angle) - radius(37.5) };
}

/** Brings a point to where it is on the canvas. */
export type Fit = (point: Point) => Point;

/** The projection spans about 0.76 by 0.48. */
export function fitter(width: number, height: number): Fit {
  const scale = Math.min(width / 0.77, height / 0.49);
  return ({ x, y }) => ({ x: width / 2 + (x + 0.005) * scale, y: height / 2 + (y - 0.005) * scale });
}

/** A point as arguments. */
export function pair({ x, y }: Point): [number, number] {
  return [x, y];
}

function drawArc(context: CanvasRenderingContext2D, arc: Arc, { fit, now }: { fit: Fit; now: number }): void {
  const colours = palette();
  const from = fit(project(arc.from));
  const to = fit(project(arc.to));
  const way = reduced() ? 1 : Math.min(1, (now - arc.at) / (FLIGHT * 0.75));
  const fade = Math.min(1, Math.max(0, (FLIGHT - (now - arc.at)) / (FLIGHT * 0.3)));
  const bend = Math.hypot(to.x - from.x, to.y - from.y) * 0.16;
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - bend };
  const along = (t: number) => ({
    x: (1 - t) ** 2 * from.x + 2 * (1 - t) * t * middle.x + t ** 2 * to.x,
    y: (1 - t) ** 2 * from.y + 2 * (1 - t) * t * middle.y + t ** 2 * to.y,
  });
  context.globalAlpha = fade;
  context.strokeStyle = context.fillStyle = arc.late ? colours.bad : colours.down;
  context.lineWidth = 1.25;
  context.beginPath();
  for (let t = 0; t <= way; t += 0.04) context.lineTo(...pair(along(t)));
  context.lineTo(...pair(along(way)));
  context.stroke();
  context.beginPath();
  context.arc(...pair(along(way)), 2.5, 0, 2 * Math.PI);
  context.fill();
  context.globalAlpha = 1;
}
