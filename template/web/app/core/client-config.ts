import type { CreateClientConfig } from "~/client/client.gen";
import { apiError } from "~/core/problem";

/** Where requests get their access token from. */
export interface Authority {
  token(): Promise<string | undefined>;
  /** Get a new token after the API has refused the current one. */
  renew(): Promise<string | undefined>;
}

/** Origin of the API if the frontend is deployed elsewhere; otherwise it is that of the page. */
export const API_ORIGIN = import.meta.env.VITE_API_URL as string | undefined;

let authority: Authority | undefined;

/** Tell the client whose requests it sends. */
export function setAuthority(given: Authority): void {
  authority = given;
}

/** Like `fetch`, but a request whose token is refused is sent once more, with a new token. */
export async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  // A body can be read only once.
  const again = request.clone();
  const response = await answer(request);
  if (response.status !== 401 || !request.headers.has("Authorization")) return response;
  const token = await authority?.renew();
  if (token === undefined) return response;
  again.headers.set("Authorization", `Bearer ${token}`);
  return answer(again);
}

async function answer(request: Request): Promise<Response> {
  const response = await fetch(request);
  const isStream = request.headers.get("Accept") === "text/event-stream";
  // The generated client would report the status of a stream only.
  if (isStream && !response.ok) {
    throw apiError(await response.json().catch(() => undefined), response);
  }
  return response;
}

export const createClientConfig: CreateClientConfig = (config) => ({
  ...config,
  baseUrl: API_ORIGIN ?? "",
  throwOnError: true,
  auth: () => authority?.token(),
  fetch: send,
});
