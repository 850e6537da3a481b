// `@std/testing/bdd` under Bun: the same names from its own test runner.
export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from "bun:test";
