import {
  AuthClient,
  isAuthRetryableFetchError,
  type GoTrueClient,
  type Session,
} from "@supabase/auth-js";
import { redirect } from "react-router";

import { frontendReadConfig } from "~/client";
import { client } from "~/client/client.gen";
import { setAuthority } from "~/core/client-config";
import { apiError } from "~/core/problem";
import site from "../../site.json";

let started: Promise<GoTrueClient> | undefined;
let signedOut: (() => void) | undefined;
let renewal: Promise<string | undefined> | undefined;

/** The client of Supabase Auth. Its address comes from the API, so one build fits every deployment. */
export function auth(): Promise<GoTrueClient> {
  started ??= start();
  return started;
}

async function start(): Promise<GoTrueClient> {
  try {
    const config = await frontendReadConfig();
    const client = new AuthClient({
      url: `${config.supabase_url}/auth/v1`,
      headers: { apikey: config.supabase_publishable_key },
      storageKey: "session",
      flowType: "pkce",
      // The route auth/callback does it.
      detectSessionInUrl: false,
    });
    // Supabase reports it to every tab of the browser.
    client.onAuthStateChange((event) => {
      if (event === "SIGNED_OUT") signedOut?.();
    });
    return client;
  } catch (error) {
    started = undefined; // so that a later attempt asks again
    throw error;
  }
}

/** Call a function when the session ends, also by another tab; without one, nothing is called. */
export function onSignOut(listener?: () => void): void {
  signedOut = listener;
}

/** The session of this browser; an expired one is renewed first. */
export async function currentSession(): Promise<Session | null> {
  const { data } = await (await auth()).getSession();
  return data.session;
}

/** Address of a page for the links in mails. */
export function addressOf(path: string): string {
  return new URL(path.replace(/^\//, ""), new URL(site.base, window.location.origin)).href;
}

/** Path of the sign-in page, from which a user returns to the current page. */
export function signInPath(request?: Request): string {
  const { pathname, search } = new URL(request?.url ?? window.location.href);
  const base = site.base.slice(0, -1);
  const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  return `/sign-in?${new URLSearchParams({ next: `${path || "/"}${search}` })}`;
}

/** A path on this site; anything else in the address would send users elsewhere after a sign-in. */
export function safeNext(next: string | null): string {
  const here = window.location.origin;
  // Browsers leave out tabs and line breaks, and resolve dots, before they look for a host.
  const url = next?.startsWith("/") && URL.canParse(next, here) ? new URL(next, here) : undefined;
  if (url?.origin !== here) return "/";
  return url.pathname.replace(/^\/+/, "/") + url.search + url.hash;
}

/** Renew the session. All requests that are refused at the same time share one attempt. */
async function renew(): Promise<string | undefined> {
  renewal ??= refresh().finally(() => {
    renewal = undefined;
  });
  return renewal;
}

async function refresh(): Promise<string | undefined> {
  const client = await auth();
  const { data, error } = await client.refreshSession();
  // Auth keeps a session whose token seems to be valid, although the API has refused it.
  if (error && !isAuthRetryableFetchError(error)) await client.signOut({ scope: "local" });
  return data.session?.access_token;
}

setAuthority({ token: async () => (await currentSession())?.access_token, renew });

client.interceptors.error.use(async (body, response) => {
  // A loader or an action that throws the redirect leads there. If the session goes on, because
  // Auth cannot be reached or the API refuses the new token as well, the user learns why.
  const isOver = response?.status === 401 && !(await currentSession());
  return isOver ? redirect(signInPath()) : apiError(body, response);
});
