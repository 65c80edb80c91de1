import { useEffect } from "react";
import { Outlet, redirect, useNavigate } from "react-router";

import { auth, currentSession, signInPath } from "~/core/session";

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
    let end: (() => void) | undefined;
    let isLeft = false;
    void auth().then((client) => {
      if (isLeft) return;
      // Supabase reports it to every tab of the browser.
      const { data } = client.onAuthStateChange((event) => {
        if (event === "SIGNED_OUT") void navigate("/sign-in");
      });
      end = () => {
        data.subscription.unsubscribe();
      };
    });
    return () => {
      isLeft = true;
      end?.();
    };
  }, [navigate]);
  return <Outlet />;
}
