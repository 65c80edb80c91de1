import { Form, Link, useNavigation } from "react-router";

import { usersReadMe, usersUpdateMe } from "~/client";
import { attempt, text } from "~/core/forms";
import { Button } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Field } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/account";

export async function clientLoader() {
  return { user: await usersReadMe() };
}

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  return attempt(() =>
    usersUpdateMe({ body: { display_name: text(form, "display_name") || null } }),
  );
}

export default function Account({ loaderData: { user }, actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  return (
    <div className="grid gap-4">
      <title>Account</title>
      <h1 className="text-2xl font-semibold">Account</h1>
      <Card>
        {actionData?.done && <Message>Saved.</Message>}
        {actionData?.problem && <Message error>{actionData.problem.detail}</Message>}
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
          <dt className="text-muted-foreground">E-mail address</dt>
          <dd>{user.email}</dd>
          <dt className="text-muted-foreground">Role</dt>
          <dd>{user.role}</dd>
        </dl>
        <Form method="post" className="grid gap-4">
          <Field
            label="Display name"
            name="display_name"
            autoComplete="name"
            maxLength={100}
            defaultValue={user.display_name ?? ""}
            error={actionData?.problem?.fields.display_name}
          />
          <Button type="submit" busy={busy} className="justify-self-start">
            Save
          </Button>
        </Form>
      </Card>
      <Link to="/new-password" className="text-sm underline">
        Change the password
      </Link>
    </div>
  );
}
