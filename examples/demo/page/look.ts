/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

/** The colours of the page, for what is drawn. */
export interface Palette {
  /** Text. */
  readonly ink: string;
  /** Text that matters less. */
  readonly muted: string;
  /** Lines between things. */
  readonly line: string;
  /** What goes to the server. */
  readonly up: string;
  /** What comes from the server. */
  readonly down: string;
  /** The same two on the dark band. */
  readonly bedUp: string;
  readonly bedDown: string;
  /** What went wrong. */
  readonly bad: string;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let known: Palette | undefined;
dark.addEventListener("change", () => known = undefined);

/** The colours of now: they change with the system's scheme. */
export function palette(): Palette {
  return known ??= readPalette();
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: colour("--ink"),
    muted: colour("--muted"),
    line: colour("--line"),
    up: colour("--up"),
    down: colour("--down"),
    bedUp: colour("--bed-up"),
    bedDown: colour("--bed-down"),
    bad: colour("--bad"),
  };
}

/** Whether the person asked for less motion. */
export function reduced(): boolean {
  return still.matches;
}

/** Something drawn: called with a cleared canvas, in units of CSS pixels. */
export type Draw = (
  canvas: { context: CanvasRenderingContext2D; width: number; height: number; now: number },
) => void;

/** How long one drawing stays where motion is reduced. */
const STILL = 1_000;

/**
 * Draws on every frame while the canvas is in view; once a second where the person asked for less motion.
 *
 * @returns draws at once, for what must not wait
 */
export function animate(canvas: HTMLCanvasElement, draw: Draw): () => void {
  const context = canvas.getContext("2d")!;
  let inView = false;
  let last = -Infinity;
  const paint = (now: number) => {
    const { width, height } = fit(canvas, context);
    last = now;
    draw({ context, width, height, now });
  };
  const frame = (now: number) => {
    if (!inView) return;
    if (!reduced() || now - last >= STILL) paint(now);
    requestAnimationFrame(frame);
  };
  new IntersectionObserver(([entry]) => {
    const was = inView;
    inView = entry?.isIntersecting ?? false;
    if (inView && !was) requestAnimationFrame(frame);
  }).observe(canvas);
  return () => paint(performance.now());
}

function fit(
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
): { width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { width, height };
}
