const whole = new Intl.NumberFormat("en");

/** A count: `1,234`. */
export function count(n: number): string {
  return whole.format(Math.round(n));
}

/** A size in bytes: `640 B`, `12.3 KiB`, `64.0 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  const unit = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(1)} ${["B", "KiB", "MiB", "GiB"][unit]}`;
}

/** A time in milliseconds: `0.8 ms`, `12 ms`, `2.1 s`. */
export function duration(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** A count with its noun: `1 item`, `2 items`. */
export function some(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}
