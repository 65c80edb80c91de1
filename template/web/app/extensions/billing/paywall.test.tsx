import { render, screen } from "@testing-library/react";
import { createRoutesStub } from "react-router";
import { expect, test } from "vitest";

import { ErrorPage } from "~/core/error-page";
import { ApiError } from "~/core/problem";
import { ProblemMessage } from "~/core/problem-message";

const MISSING = {
  title: "Payment required",
  status: 402,
  detail: "The plan free does not have search.",
  code: "feature_not_in_plan",
};

test.each([
  ["a page", () => <ErrorPage error={new ApiError(MISSING)} />],
  ["an action", () => <ProblemMessage problem={MISSING} />],
])("%s that the plan does not allow leads to the plans", async (_, Component) => {
  const Stub = createRoutesStub([{ path: "/", Component }]);
  render(<Stub />);
  expect((await screen.findByRole("alert")).textContent).toContain(MISSING.detail);
  expect(screen.getByRole("link").getAttribute("href")).toBe("/pricing");
});

test("a member for whom there is no seat leads to the seats", async () => {
  const problem = { code: "no_seat_left", detail: "All 3 seats are taken." };
  const Component = () => <ProblemMessage problem={problem} />;
  const Stub = createRoutesStub([{ path: "/", Component }]);
  render(<Stub />);
  expect((await screen.findByRole("alert")).textContent).toContain(problem.detail);
  expect(screen.getByRole("link").getAttribute("href")).toBe("/billing");
});

test("another refusal is a sentence", () => {
  render(<ProblemMessage problem={{ code: "payment_refused", detail: "Declined." }} />);
  expect(screen.getByRole("alert").textContent).toBe("Declined.");
  expect(screen.queryByRole("link")).toBeNull();
});
