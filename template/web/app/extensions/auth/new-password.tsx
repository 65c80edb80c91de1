import { Form, redirect, useNavigation } from "react-router";

import { password } from "~/core/forms";
import { auth } from "~/core/session";
import { Button } from "~/core/ui/button";
import { FormCard } from "~/core/ui/card";
import { Field } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/new-password";

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const { error } = await (
    await auth()
  ).updateUser({
    password: password(form),
  });
  if (error) return { error: error.message };
  throw redirect("/account");
}

export default function NewPassword({ actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  return (
    <FormCard title="Choose a new password">
      <title>Choose a new password</title>
      {actionData && <Message error>{actionData.error}</Message>}
      <Form method="post" className="grid gap-4">
        <Field
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          minLength={8}
          hint="8 characters or more."
          required
        />
        <Button type="submit" busy={busy}>
          Save the password
        </Button>
      </Form>
    </FormCard>
  );
}
