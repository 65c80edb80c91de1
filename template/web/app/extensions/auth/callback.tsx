import { Link, redirect } from "react-router";

import { auth, safeNext } from "~/core/session";
import { FormCard } from "~/core/ui/card";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/callback";

/** Exchanges the code of a link for a session. */
export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const { searchParams } = new URL(request.url);
  const code = searchParams.get("code");
  if (!code) return { error: searchParams.get("error_description") };
  const { error } = await (await auth()).exchangeCodeForSession(code);
  // Another browser than the one that asked for the mail cannot exchange the code. The address is
  // confirmed all the same.
  if (error) throw redirect("/sign-in?confirmed");
  throw redirect(safeNext(searchParams.get("next")));
}

export default function Callback({ loaderData }: Route.ComponentProps) {
  return (
    <FormCard title="This link does not work">
      <title>This link does not work</title>
      <Message error>{loaderData.error ?? "The link is not complete."}</Message>
      <Link to="/sign-in" className="text-sm underline">
        Back to sign in
      </Link>
    </FormCard>
  );
}
