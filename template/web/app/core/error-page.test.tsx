import { render, screen } from "@testing-library/react";
import { createRoutesStub } from "react-router";
import { expect, test } from "vitest";

import { ErrorPage } from "./error-page";
import { ApiError } from "./problem";

function show(error: unknown): string {
  const Stub = createRoutesStub([{ path: "/", Component: () => <ErrorPage error={error} /> }]);
  render(<Stub />);
  return screen.getByRole("alert").textContent;
}

const PROBLEM = { title: "", status: 503, detail: "Try later.", code: "busy", request_id: "r-1" };

test("a problem shows its detail, its code and the id of the request", () => {
  const text = show(new ApiError(PROBLEM));
  expect(text).toContain("Try later.");
  expect(text).toContain("busy");
  expect(text).toContain("r-1");
  expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
});

test("what is not there is not tried again", () => {
  show(new ApiError({ ...PROBLEM, status: 404 }));
  expect(screen.getByRole("heading").textContent).toBe("Not found");
  expect(screen.queryByRole("button")).toBeNull();
});

test("a fault of the page shows nothing internal", () => {
  expect(show(new Error("secret detail"))).not.toContain("secret");
});
