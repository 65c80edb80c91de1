import { expect, test } from "vitest";

import { money } from "./money";

test.each([
  [1900, "eur", /19[.,]00/],
  [1900, "jpy", /1[.,]?900(?![.,]00)/],
  [1900, "kwd", /1[.,]900/],
])("%i of %s in units", (amount, currency, shown) => {
  expect(money(amount, currency)).toMatch(shown);
});
