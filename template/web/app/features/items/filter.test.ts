import { expect, test } from "vitest";

import { filterOf, withPage } from "./filter";

const read = (text: string) => filterOf(new URLSearchParams(text));

test("an address without values lists everything, newest first", () => {
  expect(read("")).toEqual({ search: "", done: null, sort: "newest", limit: 20, offset: 0 });
});

test("values become a query", () => {
  expect(read("search=tea&done=false&sort=title&page=3")).toEqual({
    search: "tea",
    done: false,
    sort: "title",
    limit: 20,
    offset: 40,
  });
});

test.each(["page=0", "page=-1", "page=1.5", "page=x", "done=maybe", "sort=size"])(
  "%s is ignored",
  (text) => {
    expect(read(text)).toEqual(read(""));
  },
);

test("another page keeps the search", () => {
  expect(withPage(new URLSearchParams("search=a%26b"), 2)).toBe("?search=a%26b&page=2");
});
