import type { Subscription } from "../../../client/mod.ts";
import type { Report } from "../sky.ts";
import { app } from "./connection.ts";
import { element, say } from "./element.ts";
import { animate, palette } from "./look.ts";
import { fitter, mainland, pair, type Place, type Point, project } from "./map.ts";
import { some } from "./text.ts";

const time = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** Reports since the second began: those that came, and those that the server left out. */
const counts = { came: 0, left: 0 };
let subscription: Subscription<Report> | undefined;
let dots: readonly Point[] = [];
let planes: Report["flights"] = [];

/** Shows where all flights are, as often as the person wants. */
export function startSky(): void {
  const draw = animate(element("sky", HTMLCanvasElement), ({ context, width, height }) => {
    const { muted, down, bad } = palette();
    const fit = fitter(width, height);
    context.fillStyle = muted;
    context.globalAlpha = 0.4;
    for (const dot of dots) context.fillRect(...pair(fit(dot)), 1.3, 1.3);
    context.globalAlpha = 1;
    for (const plane of planes) {
      context.fillStyle = plane.isLate ? bad : down;
      drawPlane(context, fit(project(plane)), plane.heading);
    }
  });
  const show = ({ clock, flights }: Report) => {
    planes = flights.filter(mainland);
    say("sky-clock", time.format(clock));
    say("sky-count", `${some(planes.length, "flight")} in the air`);
    draw();
  };
  follow(show);
  for (const choice of rates()) choice.addEventListener("change", () => follow(show));
  setInterval(() => {
    say("sky-came", String(counts.came));
    say("sky-left", String(counts.left));
    counts.came = counts.left = 0;
  }, 1_000);
}

/** Takes as many reports a second as the person wants: the server leaves out the others, and says which. */
function follow(show: (report: Report) => void): void {
  const rate = rates().find(({ checked }) => checked)?.value ?? "all";
  const policy = rate === "all" ? rate : { sample: Number(rate) };
  subscription?.close();
  subscription = app.channel("sky").subscribe({ rewind: 1, policy }, (event) => {
    if (event.type === "gap") counts.left += event.to - event.from + 1;
    if (event.type !== "message") return; // a newer report makes up for all that were missed
    counts.came++;
    show(event.data);
  });
}

function rates(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("input[name=rate]")];
}

/** Shows airports as dots. */
export function showAirports(places: readonly Place[]): void {
  dots = places.filter(mainland).map(project);
}

/** An arrow that points to where it flies. */
function drawPlane(context: CanvasRenderingContext2D, { x, y }: Point, heading: number): void {
  context.save();
  context.translate(x, y);
  context.rotate(heading * Math.PI / 180);
  context.beginPath();
  for (const [dx, dy] of [[0, -6], [4, 5], [0, 3], [-4, 5]] as const) context.lineTo(dx, dy);
  context.fill();
  context.restore();
}
