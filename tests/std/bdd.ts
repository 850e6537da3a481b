// A stand-in for `@std/testing/bdd` under Deno where JSR does not answer. A top-level suite is one
// `Deno.test` whose cases are steps, so `--sanitize-ops` and `--sanitize-resources` look at each of them.

/** A test or a hook. */
export type Body = () => void | Promise<void>;

interface Case {
  readonly name: string;
  readonly body: Body;
}

interface Suite {
  readonly name: string;
  readonly items: (Case | Suite)[];
  readonly beforeAll: Body[];
  readonly afterAll: Body[];
  readonly beforeEach: Body[];
  readonly afterEach: Body[];
}

let open: Suite | undefined;
const file = suite("");

function suite(name: string): Suite {
  return { name, items: [], beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] };
}

/** Groups tests under a name. */
export function describe(name: string, define: () => void): void {
  const outer = open;
  const made = suite(name);
  open = made;
  try {
    define();
  } finally {
    open = outer;
  }
  if (outer) outer.items.push(made);
  else Deno.test({ name, fn: (context) => runSuite(made, context, [file]) });
}

/** Registers one test. */
export function it(name: string, body: Body): void {
  const made: Case = { name, body };
  if (open) open.items.push(made);
  else Deno.test({ name, fn: () => runCase(made, [file]) });
}

/** Another name of {@linkcode it}. */
export const test: typeof it = it;

/** Runs before the first test of the suite it stands in. */
export function beforeAll(body: Body): void {
  inSuite("beforeAll").beforeAll.push(body);
}

/** Runs after the last test of the suite it stands in. */
export function afterAll(body: Body): void {
  inSuite("afterAll").afterAll.push(body);
}

/** Runs before each test of the suite it stands in, outer hooks first. */
export function beforeEach(body: Body): void {
  (open ?? file).beforeEach.push(body);
}

/** Runs after each test of the suite it stands in, inner hooks first. */
export function afterEach(body: Body): void {
  (open ?? file).afterEach.push(body);
}

function inSuite(hook: string): Suite {
  if (!open) throw new TypeError(`Cannot call ${hook}: it stands outside of describe()`);
  return open;
}

async function runSuite(made: Suite, context: Deno.TestContext, outer: Suite[]): Promise<void> {
  const path = [...outer, made];
  try {
    for (const hook of made.beforeAll) await hook();
    for (const item of made.items) {
      await context.step({
        name: item.name,
        fn: (inner) => "items" in item ? runSuite(item, inner, path) : runCase(item, path),
      });
    }
  } finally {
    for (const hook of made.afterAll) await hook();
  }
}

async function runCase(made: Case, path: Suite[]): Promise<void> {
  try {
    for (const part of path) for (const hook of part.beforeEach) await hook();
    await made.body();
  } finally {
    for (const part of path.toReversed()) for (const hook of part.afterEach) await hook();
  }
}
