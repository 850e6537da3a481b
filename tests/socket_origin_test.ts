import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type OriginOptions, originRule } from "../src/origin.ts";

/** 0 when the request may connect, else the status. */
function decide(
  options: OriginOptions,
  { origin, host = "app.example", url = "http://app.example/" }: {
    origin?: string;
    host?: string;
    url?: string;
  },
): number {
  const headers = new Headers({ host, ...(origin !== undefined && { origin }) });
  return originRule(options)({ url, headers })?.status ?? 0;
}

function table(options: OriginOptions, rows: Record<string, number>, host?: string): void {
  for (const [origin, expected] of Object.entries(rows)) {
    assertEquals(decide(options, { origin, ...(host && { host }) }), expected, `${origin} on ${host}`);
  }
}

/** Spellings that are no origin of app.example, or that no browser sends. */
const variants: Record<string, number> = {
  "null": 403,
  "": 403,
  "https://evil.example": 403,
  "https://sub.app.example": 403,
  "https://app.example.evil": 403,
  "https://app.examplé": 403,
  "https://notapp.example": 403,
  "https://app.example:8443": 403,
  "https://app.example:": 403,
  "https://app.example/": 403,
  "https://app.example/path": 403,
  "https://app.example?": 403,
  "https://user@app.example": 403,
  "https://app.example@evil.example": 403,
  "https://evil.example#app.example": 403,
  "https://app.example, https://app.example": 403,
  "HTTPS://APP.EXAMPLE": 403,
  "ftp://app.example": 403,
  "file://": 403,
  "//app.example": 403,
  "app.example": 403,
};

describe("originRule(), same origin", () => {
  it("allows the page's own host and port, behind a proxy too", () => {
    table({}, { "https://app.example": 0, "http://app.example": 0, ...variants });
    table({}, { "http://app.example:8000": 0, "http://app.example": 403 }, "app.example:8000");
    table(
      {},
      { "https://app.example": 0, "https://app.example:443": 0, "http://app.example": 403 },
      "app.example:443",
    );
    table({}, { "http://[::1]:8000": 0, "http://[::2]:8000": 403 }, "[::1]:8000");
    table({}, { "https://app.example": 0 }, "APP.example");
  });

  it("refuses an http page on a server that is https itself", () => {
    const url = "https://app.example/";
    assertEquals(decide({}, { origin: "https://app.example", url }), 0);
    assertEquals(decide({}, { origin: "http://app.example", url }), 403);
  });

  it("refuses when the Host header is no host", () => {
    for (
      const host of [
        "",
        "app.example, evil.example",
        "app.example/",
        "app example",
        "user@app.example",
        "app.example:x",
      ]
    ) {
      assertEquals(decide({}, { origin: "https://app.example", host }), 403, host);
    }
  });
});

describe("originRule(), a list", () => {
  it("allows what is listed, exactly", () => {
    table({ origins: ["https://app.example"] }, {
      "https://app.example": 0,
      "http://app.example": 403,
      ...variants,
    });
    table({ origins: ["https://other.example:8443"] }, {
      "https://other.example:8443": 0,
      "https://other.example": 403,
      "https://app.example": 403,
    });
    table({ origins: ["https://other.example", "same-origin"] }, {
      "https://other.example": 0,
      "https://app.example": 0,
      "https://evil.example": 403,
    });
    table({ origins: ["capacitor://localhost", "chrome-extension://abc"] }, {
      "capacitor://localhost": 0,
      "chrome-extension://abc": 0,
      "chrome-extension://abcd": 403,
    });
    table({ origins: [] }, { "https://app.example": 403 });
  });

  it("allows subdomains by a wildcard, and nothing that only looks like one", () => {
    table({ origins: ["https://*.app.example"] }, {
      "https://a.app.example": 0,
      "https://a.b.app.example": 0,
      ...variants,
      "https://sub.app.example": 0,
      "https://app.example": 403,
      "http://a.app.example": 403,
      "https://a.app.example:8443": 403,
      "https://aapp.example": 403,
      "https://a.app.example.evil": 403,
    });
  });

  it("refuses null even when everything is allowed", () => {
    table({ origins: "insecure-any" }, { "https://evil.example": 0, "null": 403 });
  });

  it("throws at the start for an entry that is no origin", () => {
    for (
      const entry of [
        "*",
        "",
        "null",
        "app.example",
        "https://",
        "https://*",
        "https://*.com",
        "https://*.*.example.org",
        "https://a.*.example.org",
        "https://*.10.0.0.1",
        "https://app.example/",
        "https://app.example/path",
        "https://App.example",
        "https://app.example:",
        "https://app.example:port",
        "https://app.example,https://b.example",
        " https://app.example",
        "insecure-any",
        "any",
      ]
    ) {
      assertThrows(
        () => originRule({ origins: [entry] }),
        TypeError,
        "Cannot allow origin",
        JSON.stringify(entry),
      );
    }
    assertThrows(() => originRule({ origins: "any" as "insecure-any" }), TypeError);
  });
});

describe("originRule(), without Origin", () => {
  it("allows, unless it is required", () => {
    assertEquals(decide({}, {}), 0);
    assertEquals(decide({ origins: ["https://app.example"] }, {}), 0);
    assertEquals(decide({ requireOrigin: true }, {}), 403);
    assertEquals(decide({ requireOrigin: true, origins: "insecure-any" }, {}), 403);
    assertEquals(decide({ requireOrigin: true }, { origin: "https://app.example" }), 0);
  });
});

describe("originRule(), hosts", () => {
  it("answers 421 for other hosts: DNS rebinding makes them same-origin", () => {
    const rebound = { origin: "http://attacker.test:8000", host: "attacker.test:8000" };
    assertEquals(decide({}, rebound), 0, "without a list");
    assertEquals(decide({ hosts: ["localhost", "127.0.0.1"] }, rebound), 421);
    assertEquals(decide({ hosts: ["localhost"] }, { host: "localhost:8000" }), 0);
    assertEquals(decide({ hosts: ["localhost"] }, { host: "LOCALHOST" }), 0);
    assertEquals(decide({ hosts: ["localhost:8000"] }, { host: "localhost:8001" }), 421);
    assertEquals(decide({ hosts: ["localhost"] }, { host: "localhost.attacker.test" }), 421);
    assertEquals(decide({ hosts: ["localhost"] }, { host: "localhost, attacker.test" }), 421);
    assertEquals(decide({ hosts: ["[::1]"] }, { host: "[::1]:80" }), 0);
    assertEquals(decide({ hosts: [] }, { host: "localhost" }), 421);
  });

  it("throws at the start for an entry that is no host", () => {
    for (
      const entry of [
        "",
        "*",
        "*.example.org",
        "http://localhost",
        "localhost/",
        "Localhost",
        "a b",
        "a:b",
        "::1",
      ]
    ) {
      assertThrows(() => originRule({ hosts: [entry] }), TypeError, "Cannot serve host", entry);
    }
  });
});

describe("originRule(), hostile headers", () => {
  it("takes time in proportion to the header", () => {
    const rule = originRule({ origins: ["https://*.app.example"] });
    for (const part of ["a", ".", "a.", ":", "://", "["]) {
      const headers = new Headers({ host: part.repeat(1 << 16), origin: `https://${part.repeat(1 << 16)}` });
      const started = performance.now();
      assertEquals(rule({ url: "http://app.example/", headers })?.status, 403);
      assertLess(performance.now() - started, 200);
    }
  });
});
