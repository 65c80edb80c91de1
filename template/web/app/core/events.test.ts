import { expect, test, vi } from "vitest";

import { tasksFollowTask } from "~/client";
import { events } from "./events";
import { ApiError } from "./problem";

const OPEN = { path: { task_id: "1" } };
const follow = (signal = new AbortController().signal) =>
  events<{ state: string }>((listening) => tasksFollowTask({ ...OPEN, ...listening }), signal);

function stream(text: string): Response {
  return new Response(text, { headers: { "Content-Type": "text/event-stream" } });
}

test("events come with their names and data", async () => {
  const text = 'event: first\ndata: {"state":"started"}\n\ndata: {"state":"success"}\n\n';
  vi.stubGlobal("fetch", vi.fn().mockResolvedValue(stream(text)));
  expect(await Array.fromAsync(follow())).toEqual([
    { name: "first", data: { state: "started" } },
    { name: undefined, data: { state: "success" } },
  ]);
});

test("an answer that refuses the stream is thrown at once and not asked for again", async () => {
  const problem = { status: 404, code: "task_not_found", detail: "No such task.", title: "" };
  const fetched = vi.fn(() =>
    Promise.resolve(new Response(JSON.stringify(problem), { status: 404 })),
  );
  vi.stubGlobal("fetch", fetched);
  await expect(Array.fromAsync(follow())).rejects.toThrow(ApiError);
  expect(fetched).toHaveBeenCalledTimes(1);
});

test("an aborted stream ends", async () => {
  const abort = new AbortController();
  vi.stubGlobal(
    "fetch",
    vi.fn(() => {
      abort.abort();
      return Promise.reject(new DOMException("", "AbortError"));
    }),
  );
  await expect(Array.fromAsync(follow(abort.signal))).rejects.toMatchObject({
    name: "AbortError",
  });
});
