import { expect, test } from "vitest";

import { safeNext } from "./session";

test.each([
  ["/items?page=2", "/items?page=2"],
  [null, "/"],
  ["", "/"],
  ["items", "/"],
  ["https://evil.example/", "/"],
  ["//evil.example/", "/"],
  ["/\\evil.example/", "/"],
  ["/\t/evil.example/", "/"],
  ["/..//evil.example/", "/evil.example/"],
])("after a sign-in, %s leads to %s", (next, path) => {
  expect(safeNext(next)).toBe(path);
});
