import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { ChannelNames, paramsOf } from "../rpc/channel_names.ts";
import { ChannelPattern, LONGEST_CHANNEL } from "../rpc/channel_pattern.ts";

const board = new ChannelPattern("board/:id");
const deep = new ChannelPattern("org/:org/room/:room");

/** A text as a parameter may be: not empty, whole characters, short enough. */
const param = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom("/", "%", "*", "@", ":", ".", "\0", "\x7f", "\u0085", "2", "F", "f"),
    minLength: 1,
  }),
  fc.constantFrom("..", "%2F", "%2f", "%40", "@", "@x", "__proto__", "constructor", "é", "\u{1f300}"),
).filter((text) => !/\p{Cs}/u.test(text));

describe("channel names", () => {
  it("are the pattern with its parameters", () => {
    assertEquals(board.name({ id: "7" }), "board/7");
    assertEquals(board.name({ id: 7 }), "board/7");
    assertEquals(deep.name({ org: "a", room: "b" }), "org/a/room/b");
    assertEquals(new ChannelPattern("news").name(), "news");
    assertEquals(new ChannelPattern("über/:id").name({ id: "straße" }), "über/straße");
  });

  it("encode what would be read as something else", () => {
    assertEquals(board.name({ id: "a/b%2F*\n\u0085" }), "board/a%2Fb%252F%2A%0A%C2%85");
    const any = new ChannelPattern(":id/x");
    assertEquals(any.name({ id: "@a@" }), "%40a@/x");
    assertEquals(board.name({ id: "@a" }), "board/@a");
    assertEquals(deep.name({ org: "..", room: "." }), "org/%2E%2E/room/%2E");
    assertEquals(board.name({ id: ".a.." }), "board/.a..");
    assertEquals(board.name({ id: "..." }), "board/...");
  });

  it("lead back to the parameters", () => {
    assertEquals(paramsOf(board, "board/7"), { id: "7" });
    assertEquals(paramsOf(deep, "org/a%2Fb/room/%2A"), { org: "a/b", room: "*" });
    assertEquals(paramsOf(new ChannelPattern("news"), "news"), {});
  });

  it("are no channel in any form but the one", () => {
    for (
      const name of [
        "board/%37",
        "board/a%2fb",
        "board/%",
        "board/%zz",
        "board/%C3",
        "board/*",
        "board/a\n",
        "board/%40a",
        "board/.",
        "board/..",
        "board/%2e",
        "board/.%2E",
        "board/%2E%2E%2E",
      ]
    ) {
      assertEquals(paramsOf(board, name), undefined, name);
    }
    for (const name of ["", "board", "board/", "board/7/", "/board/7", "boards/7", "board/7/8", "BOARD/7"]) {
      assertEquals(paramsOf(board, name), undefined, name);
    }
    assertEquals(paramsOf(new ChannelPattern(":id"), "@publish"), undefined);
  });

  it("are refused when a parameter is none", () => {
    const given = board as { name(params: object): string };
    const refused: [object, string][] = [
      [{}, 'its parameter "id" is missing'],
      [Object.create({ id: "7" }), 'its parameter "id" is missing'],
      [{ id: "" }, 'its parameter "id" is empty'],
      [{ id: null }, 'its parameter "id" is no text'],
      [{ id: 1.5 }, 'its parameter "id" is no text'],
      [{ id: NaN }, 'its parameter "id" is no text'],
      [{ id: "\ud800" }, 'its parameter "id" is no valid Unicode'],
      [{ id: "é".repeat(125) }, "its name has more than 255 bytes"],
    ];
    for (const [params, reason] of refused) {
      assertThrows(() => given.name(params), TypeError, `Cannot name a channel "board/:id": ${reason}`);
    }
    assertEquals(board.name({ id: "é".repeat(124) }).length, 130);
    assertEquals(paramsOf(board, `board/${"é".repeat(125)}`), undefined);
  });

  it("of any parameters are an exact inverse", () => {
    fc.assert(
      fc.property(param, param, (org, room) => {
        for (const pattern of [deep, new ChannelPattern(":org/:room")]) {
          const name = pattern.name({ org, room });
          assertEquals(paramsOf(pattern, name), { org, room });
          assert(!name.startsWith("@"));
          assert(!/[*\p{Cc}]/u.test(name));
          assertEquals(name.split("/").length, pattern.segments.length);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("that lead to parameters are what these lead to", () => {
    const unit = fc.constantFrom("/", "%", "2", "F", "f", "0", "4", "@", "*", "a", "é", "\n");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 8 }), (rest) => {
        for (
          const [pattern, name] of [[board, `board/${rest}`], [new ChannelPattern(":a/:b"), rest]] as const
        ) {
          const params = paramsOf(pattern, name);
          if (params !== undefined) assertEquals(pattern.name(params), name);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("channel patterns", () => {
  it("are refused when they are none", () => {
    const refused: [unknown, string][] = [
      ["", "it is no text"],
      [7, "it is no text"],
      ["@publish", "names with @ belong to the library"],
      ["board/", "it has an empty segment"],
      ["/board", "it has an empty segment"],
      ["board/:", '":" is no parameter'],
      ["board/:1", '":1" is no parameter'],
      ["board/:__proto__", '":__proto__" is no parameter'],
      ["board/:a-b", '":a-b" is no parameter'],
      ["board/:id/:id", "it has a parameter twice"],
      ["board/a%2F", "it has %, *"],
      ["board/*", "it has %, *"],
      ["board/\n", "it has %, *"],
      ["board/\ud800", "it has %, *"],
      ["b".repeat(LONGEST_CHANNEL + 1), "it has more than 255 bytes"],
    ];
    for (const [pattern, reason] of refused) {
      assertThrows(() => new ChannelPattern(pattern as string), TypeError, reason, String(pattern));
    }
  });
});

describe("the channels of an app", () => {
  const found = (names: ChannelNames<string>, name: string) => {
    const { value, params } = names.find(name) ?? {};
    return value === undefined ? undefined : [value, params];
  };
  const of = (...patterns: string[]) => new ChannelNames(patterns.map((pattern) => [pattern, pattern]));

  it("are found by name, texts before parameters", () => {
    const names = of("board/:id", "board/all", "news", ":any", "a/:x/c", "a/b/c", "a/b/:y/d");
    assertEquals(found(names, "board/7"), ["board/:id", { id: "7" }]);
    assertEquals(found(names, "board/all"), ["board/all", {}]);
    assertEquals(found(names, "news"), ["news", {}]);
    assertEquals(found(names, "olds"), [":any", { any: "olds" }]);
    assertEquals(found(names, "a/b/c"), ["a/b/c", {}]);
    assertEquals(found(names, "a/z/c"), ["a/:x/c", { x: "z" }]);
    assertEquals(found(names, "a/b/z/d"), ["a/b/:y/d", { y: "z" }]);
    for (
      const name of ["", "board", "board/", "board/%37", "a/b", "a/b/z/e", "x/y", "@news", "a/".repeat(400)]
    ) {
      assertEquals(found(names, name), name === "board" ? [":any", { any: "board" }] : undefined, name);
    }
  });

  it("are refused when a name could belong to two of them", () => {
    for (
      const [a, b] of [["board/:id", "board/:name"], ["a/:x", ":y/b"], ["news", "news"], [
        ":a/b/:c",
        ":a/:b/c",
      ]] as const
    ) {
      assertThrows(
        () => of(a, b),
        TypeError,
        `Cannot use "${b}" as a channel: the same name may be one of "${a}"`,
      );
    }
    of("a/:x", "b/:x", ":x/:y", ":x/b/:c", "a");
  });

  it("are searched as if each pattern were asked, the most exact first", () => {
    const segment = fc.constantFrom("a", "b", ":x", ":y", ":z");
    const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/"));
    const name = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), fc.array(name), (patterns, paths) => {
        const taken: string[] = [];
        for (const text of patterns) {
          try {
            of(...taken, text);
            taken.push(text);
          } catch (error) {
            assert(error instanceof TypeError);
          }
        }
        const names = of(...taken);
        for (const path of paths) {
          const matching = taken.filter((text) =>
            paramsOf(new ChannelPattern(text), path.join("/")) !== undefined
          );
          const params = (text: string) => text.split(":").length;
          const best = matching.sort((one, other) => params(one) - params(other))[0];
          assertEquals(names.find(path.join("/"))?.value, best);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
