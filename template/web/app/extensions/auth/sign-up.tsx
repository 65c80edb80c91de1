import { Form, Link, redirect, useNavigation } from "react-router";

import { password, text } from "~/core/forms";
import { addressOf, auth } from "~/core/session";
import { Button } from "~/core/ui/button";
import { FormCard } from "~/core/ui/card";
import { Field } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/sign-up";

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const email = text(form, "email");
  const { data, error } = await (
    await auth()
  ).signUp({
    email,
    password: password(form),
    options: { emailRedirectTo: addressOf("/auth/callback") },
  });
  if (error) return { error: error.message };
  // Without a session, the address has to be confirmed first.
  if (data.session) throw redirect("/");
  return { sentTo: email };
}

export default function SignUp({ actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  if (actionData?.sentTo) {
    return (
      <FormCard title="Confirm your address">
        <title>Confirm your address</title>
        <Message>
          We have sent a mail to {actionData.sentTo}. Open the link in it with this browser.
        </Message>
      </FormCard>
    );
  }
  return (
    <FormCard title="Create an account">
      <title>Create an account</title>
      {actionData?.error && <Message error>{actionData.error}</Message>}
      <Form method="post" className="grid gap-4">
        <Field label="E-mail address" name="email" type="email" autoComplete="email" required />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          minLength={8}
          hint="8 characters or more."
          required
        />
        <Button type="submit" busy={busy}>
          Create the account
        </Button>
      </Form>
      <Link to="/sign-in" className="text-sm underline">
        Sign in instead
      </Link>
    </FormCard>
  );
}
