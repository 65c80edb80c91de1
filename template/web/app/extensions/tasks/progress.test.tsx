import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";

import { TaskProgress } from "./progress";

const STARTED = { state: "started", progress_done: 2, progress_total: 5, ended_at: null };
const ENDED = { state: "success", ended_at: "2026-01-01T00:00:00Z" };

/** The API sends these events, and keeps the connection open if the last one is not the end. */
function stream(...tasks: object[]): void {
  const text = tasks.map((task) => `data: ${JSON.stringify(task)}\n\n`).join("");
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
    },
  });
  vi.stubGlobal("fetch", vi.fn().mockResolvedValue(new Response(body)));
}

const show = (onEnd = vi.fn()) => {
  render(<TaskProgress taskId="1" label="Completing" onEnd={onEnd} />);
  return onEnd;
};

test("a running task shows how much is done", async () => {
  stream(STARTED);
  const onEnd = show();
  expect(await screen.findByText(/2 of 5/)).toBeTruthy();
  expect(screen.getByRole<HTMLProgressElement>("progressbar").value).toBe(2);
  expect(onEnd).not.toHaveBeenCalled();
});

test("the end is told once, with the task", async () => {
  stream(STARTED, ENDED);
  const onEnd = show();
  expect(await screen.findByText("Completing: done.")).toBeTruthy();
  expect(onEnd.mock.calls).toEqual([[ENDED]]);
});

test("a task that has failed says why", async () => {
  stream({ ...ENDED, state: "failure", reason: "There are too many." });
  show();
  expect((await screen.findByRole("alert")).textContent).toContain("There are too many.");
});

test("a task that is not there is an error", async () => {
  const problem = { status: 404, code: "task_not_found", detail: "No such task.", title: "" };
  const answer = new Response(JSON.stringify(problem), { status: 404 });
  vi.stubGlobal("fetch", vi.fn().mockResolvedValue(answer));
  show();
  expect((await screen.findByRole("alert")).textContent).toBe("No such task.");
});
