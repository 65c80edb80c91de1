import { useEffect } from "react";
import { Outlet, redirect, useNavigate } from "react-router";

import { currentSession, onSignOut, signInPath } from "~/core/session";

import type { Route } from "./+types/signed-in";

/** Leads users without a session to the sign-in page, before any page asks the API for data. */
export const clientMiddleware: Route.ClientMiddlewareFunction[] = [
  async ({ request }) => {
    if (!(await currentSession())) throw redirect(signInPath(request));
  },
];

/** The header shows what it has for users only if there is one. */
export function clientLoader() {
  return { isSignedIn: true };
}

export default function SignedIn() {
  const navigate = useNavigate();
  useEffect(() => {
    onSignOut(() => void navigate("/sign-in"));
    return () => {
      onSignOut();
    };
  }, [navigate]);
  return <Outlet />;
}
