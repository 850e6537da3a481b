/** Takes all values, and gives on the newest, no more often than `rate` says, in values a second. */
export function sampled<T>(rate: () => number, give: (value: T) => void): (value: T) => void {
  let newest: { value: T } | undefined;
  let isWaiting = false;
  const next = () => {
    isWaiting = newest !== undefined;
    if (newest === undefined) return;
    give(newest.value);
    newest = undefined;
    setTimeout(next, 1_000 / rate());
  };
  return (value) => {
    newest = { value };
    if (!isWaiting) next();
  };
}
