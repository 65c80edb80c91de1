import { Form, Link, useNavigation } from "react-router";

import { text } from "~/core/forms";
import { addressOf, auth } from "~/core/session";
import { Button } from "~/core/ui/button";
import { FormCard } from "~/core/ui/card";
import { Field } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/reset-password";

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const { error } = await (
    await auth()
  ).resetPasswordForEmail(text(form, "email"), {
    redirectTo: addressOf("/auth/callback?next=/new-password"),
  });
  return error ? { error: error.message } : { error: undefined };
}

export default function ResetPassword({ actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  return (
    <FormCard title="Reset your password">
      <title>Reset your password</title>
      {actionData?.error && <Message error>{actionData.error}</Message>}
      {actionData && !actionData.error ? (
        // The same for an unknown address: nobody learns who has an account.
        <Message>If this address has an account, a mail with a link is on its way.</Message>
      ) : (
        <Form method="post" className="grid gap-4">
          <Field label="E-mail address" name="email" type="email" autoComplete="email" required />
          <Button type="submit" busy={busy}>
            Send the link
          </Button>
        </Form>
      )}
      <Link to="/sign-in" className="text-sm underline">
        Back to sign in
      </Link>
    </FormCard>
  );
}
