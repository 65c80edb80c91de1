import { useEffect } from "react";
import { Outlet, redirect, useNavigate } from "react-router";

import { auth, currentSession, signInPath } from "~/core/session";

import type { Route } from "./+types/signed-in";

/** Leads users without a session to the sign-in page, and back afterwards. */
export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const session = await currentSession();
  if (!session) throw redirect(signInPath(request));
  return { email: session.user.email };
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
