import { expect, test } from "vitest";

import { apiError, ApiError } from "./problem";

test("a problem of the API keeps its members", () => {
  const body = {
    title: "Unprocessable Content",
    status: 422,
    detail: "Values are wrong.",
    code: "invalid",
    errors: [
      { location: ["body", "title"], message: "Too long.", type: "string_too_long" },
      { location: ["body", "title"], message: "Another.", type: "other" },
      { location: ["body", "labels", 0], message: "Empty.", type: "missing" },
    ],
  };
  const error = apiError(body, undefined);
  expect(error.message).toBe("Values are wrong.");
  expect(error.fields).toEqual({ title: "Too long.", "labels.0": "Empty." });
  expect(apiError(error, undefined)).toBe(error);
});

test("an answer of something else keeps the id of the request", () => {
  const response = new Response("<h1>Bad gateway</h1>", {
    status: 502,
    headers: { "X-Request-ID": "12345678" },
  });
  expect(apiError("<h1>Bad gateway</h1>", response).problem).toMatchObject({
    status: 502,
    code: "unexpected_answer",
    request_id: "12345678",
  });
});

test("no answer is a problem as well", () => {
  const error = apiError(new TypeError("Failed to fetch"), undefined);
  expect(error).toBeInstanceOf(ApiError);
  expect(error.problem).toMatchObject({ status: 0, code: "unreachable" });
});
