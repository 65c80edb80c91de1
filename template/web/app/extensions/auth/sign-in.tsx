import { Form, Link, redirect, useNavigation } from "react-router";

import { password, text } from "~/core/forms";
import { auth, currentSession, safeNext } from "~/core/session";
import { Button } from "~/core/ui/button";
import { FormCard } from "~/core/ui/card";
import { Field } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/sign-in";

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const { searchParams } = new URL(request.url);
  if (await currentSession()) throw redirect(safeNext(searchParams.get("next")));
  return { confirmed: searchParams.has("confirmed") };
}

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const { error } = await (
    await auth()
  ).signInWithPassword({ email: text(form, "email"), password: password(form) });
  if (error) return { error: error.message };
  throw redirect(safeNext(new URL(request.url).searchParams.get("next")));
}

export default function SignIn({ loaderData, actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  return (
    <FormCard title="Sign in">
      <title>Sign in</title>
      {loaderData.confirmed && <Message>Your address is confirmed. Sign in to continue.</Message>}
      {actionData && <Message error>{actionData.error}</Message>}
      <Form method="post" className="grid gap-4">
        <Field label="E-mail address" name="email" type="email" autoComplete="email" required />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
        <Button type="submit" busy={busy}>
          Sign in
        </Button>
      </Form>
      <p className="flex justify-between text-sm">
        <Link to="/sign-up" className="underline">
          Create an account
        </Link>
        <Link to="/reset-password" className="underline">
          Forgot your password?
        </Link>
      </p>
    </FormCard>
  );
}
