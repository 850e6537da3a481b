/** Where in a value the encoder stands: the key or index taken at each depth. */
export type Trail = (string | number)[];

const longestKey = 64;

/** The error for a value that cannot be encoded: `Cannot encode input.user.tags[2]: a Map`. */
export function refusal(reason: string, place: { name: string; trail: Trail; depth: number }): TypeError {
  return new TypeError(`Cannot encode ${pathText(place.name, place.trail.slice(0, place.depth))}: ${reason}`);
}

function pathText(name: string, trail: Trail): string {
  let path = name;
  for (const step of trail) {
    if (typeof step === "number") path += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(step) && step.length <= longestKey) path += `.${step}`;
    else path += `[${JSON.stringify(step.slice(0, longestKey))}]`;
  }
  return path;
}

/** What a refused value is, with its article: "a Map", "a function", "an instance of Cart". */
export function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  const name = constructorName(value);
  if (name === undefined) return "an object with a prototype of its own";
  if (Object.prototype.toString.call(value) === "[object Object]") return `an instance of ${name}`;
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

function constructorName(value: object): string | undefined {
  try {
    const made: unknown = Object.getPrototypeOf(value)?.constructor;
    return typeof made === "function" && made !== Object && made.name !== "" ? made.name : undefined;
  } catch {
    return undefined; // an accessor or a proxy threw: the value is refused all the same
  }
}
