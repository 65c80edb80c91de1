import type { Problem } from "~/client";

/** An error response of the API (RFC 9457), or a request without a response. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  /** Messages of a 422 by the name of the field; those of nested fields have dots. */
  get fields(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { location, message } of this.problem.errors ?? []) {
      found[location.slice(1).join(".")] ??= message;
    }
    return found;
  }
}

/** Turn what the generated client has read, or the reason why there is no response, into an error. */
export function apiError(body: unknown, response: Response | undefined): ApiError {
  if (body instanceof ApiError) return body;
  if (isProblem(body)) return new ApiError(body);
  const requestId = response?.headers.get("X-Request-ID") ?? null;
  return response
    ? new ApiError({
        title: response.statusText,
        status: response.status,
        detail: "The server has sent an answer that this page does not understand.",
        code: "unexpected_answer",
        request_id: requestId,
      })
    : new ApiError({
        title: "No connection",
        status: 0,
        detail: "The server cannot be reached. Check your connection, then try again.",
        code: "unreachable",
      });
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}
