import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { addressKey } from "../src/address.ts";
import { TokenBuckets } from "../src/token_bucket.ts";

describe("TokenBuckets", () => {
  it("allows a burst, then the rate", () => {
    let now = 0;
    const buckets = new TokenBuckets({ rate: 2, burst: 3, now: () => now });
    assertEquals([1, 2, 3, 4].map(() => buckets.take("a")), [true, true, true, false]);
    now += 499;
    assertFalse(buckets.take("a"));
    now += 1;
    assert(buckets.take("a"));
    assertFalse(buckets.take("a"));
    now += 60_000;
    assertEquals([1, 2, 3, 4].map(() => buckets.take("a")), [true, true, true, false]);
  });

  it("keeps keys apart, and names such as __proto__ are keys like others", () => {
    const buckets = new TokenBuckets({ rate: 1, burst: 1, now: () => 0 });
    for (const key of ["a", "b", "__proto__", "constructor", ""]) {
      assert(buckets.take(key));
      assertFalse(buckets.take(key));
    }
  });

  it("takes nothing when refused, and has() takes nothing at all", () => {
    const buckets = new TokenBuckets({ rate: 1, burst: 5, now: () => 0 });
    assertFalse(buckets.take("a", 6));
    assert(buckets.has("a", 5));
    assert(buckets.take("a", 5));
    assertFalse(buckets.has("a"));
  });

  it("says when to come back", () => {
    let now = 0;
    const buckets = new TokenBuckets({ rate: 0.5, burst: 2, now: () => now });
    assertEquals(buckets.retryAfter("a"), 0);
    buckets.take("a", 2);
    assertEquals(buckets.retryAfter("a"), 2);
    assertEquals(buckets.retryAfter("a", 2), 4);
    assertEquals(buckets.retryAfter("a", 3), Infinity);
    now += 1_500;
    assertEquals(buckets.retryAfter("a"), 1);
    now += 500;
    assert(buckets.take("a"));
  });

  it("removes full buckets as it is used, and never keeps more than its capacity", () => {
    let now = 0;
    const buckets = new TokenBuckets({ rate: 1, burst: 1, capacity: 100, now: () => now });
    for (let i = 0; i < 1_000; i++) buckets.take(`flood ${i}`);
    assertEquals(buckets.size, 100);
    now += 1_000;
    for (let i = 0; i < 100; i++) buckets.take("one");
    assertEquals(buckets.size, 1);
  });

  it("forgets the one used least recently first", () => {
    const buckets = new TokenBuckets({ rate: 1, burst: 1, capacity: 3, now: () => 0 });
    for (const key of ["a", "b", "c"]) buckets.take(key);
    assertFalse(buckets.take("a"));
    buckets.take("d");
    assertFalse(buckets.take("a"));
    assert(buckets.take("b"), "b was forgotten");
  });

  it("refuses options that allow nothing", () => {
    assertThrows(() => new TokenBuckets({ rate: 0, burst: 1 }), RangeError);
    assertThrows(() => new TokenBuckets({ rate: 1, burst: 0 }), RangeError);
    assertThrows(() => new TokenBuckets({ rate: 1, burst: 1, capacity: 0 }), RangeError);
  });
});

describe("addressKey()", () => {
  it("is the address for IPv4 and the /64 network for IPv6", () => {
    assertEquals(addressKey("192.0.2.1"), "192.0.2.1");
    assertEquals(addressKey(""), "");
    assertEquals(addressKey("::1"), "0:0:0:0::/64");
    const network = addressKey("2001:db8:1:2:3:4:5:6");
    assertEquals(network, "2001:db8:1:2::/64");
    for (const same of ["2001:DB8:1:2::9", "2001:0db8:0001:0002:ffff::", "2001:db8:1:2:3:4:5:6%eth0"]) {
      assertEquals(addressKey(same), network);
    }
    assert(addressKey("2001:db8:1:3::") !== network);
    assertEquals(addressKey("fe80::1%eth0"), "fe80:0:0:0::/64");
  });
});
