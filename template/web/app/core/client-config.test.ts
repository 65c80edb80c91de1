import { beforeEach, expect, test, vi } from "vitest";

import { send, setAuthority } from "./client-config";
import { ApiError } from "./problem";

const URL = "http://api.test/api/v1/users/me";
const renew = vi.fn<() => Promise<string | undefined>>();
const fetched = vi.fn<(request: Request) => Promise<Response>>();

beforeEach(() => {
  renew.mockReset();
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
  setAuthority({ token: () => Promise.resolve("old"), renew });
});

const request = (init?: RequestInit) =>
  send(new Request(URL, { headers: { Authorization: "Bearer old" }, ...init }));
const answer = (status: number) => Promise.resolve(new Response("{}", { status }));

test("a request whose token is refused is sent once more, with its body", async () => {
  renew.mockResolvedValue("new");
  const sent: [string | null, string][] = [];
  fetched.mockImplementation(async (each) => {
    sent.push([each.headers.get("Authorization"), await each.text()]);
    return new Response("{}", { status: sent.length === 1 ? 401 : 200 });
  });
  const response = await request({ method: "POST", body: "tea" });
  expect(response.status).toBe(200);
  expect(sent).toEqual([
    ["Bearer old", "tea"],
    ["Bearer new", "tea"],
  ]);
});

test("a second refusal is the answer", async () => {
  renew.mockResolvedValue("new");
  fetched.mockImplementation(() => answer(401));
  expect((await request()).status).toBe(401);
  expect(fetched).toHaveBeenCalledTimes(2);
});

test("without a new token, and without a token at all, nothing is repeated", async () => {
  renew.mockResolvedValue(undefined);
  fetched.mockImplementation(() => answer(401));
  expect((await request()).status).toBe(401);
  expect((await request({ headers: {} })).status).toBe(401);
  expect(fetched).toHaveBeenCalledTimes(2);
  expect(renew).toHaveBeenCalledTimes(1);
});

test("a stream that is refused throws the problem", async () => {
  const problem = { status: 404, code: "task_not_found", detail: "No such task.", title: "" };
  fetched.mockResolvedValue(new Response(JSON.stringify(problem), { status: 404 }));
  const stream = request({ headers: { Accept: "text/event-stream" } });
  await expect(stream).rejects.toThrow(ApiError);
  await expect(stream).rejects.toMatchObject({ problem: { code: "task_not_found" } });
});
