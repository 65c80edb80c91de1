import { Form, redirect, useNavigation } from "react-router";

import { organizationsAcceptInvitation } from "~/client";
import { attempt } from "~/core/forms";
import { Button } from "~/core/ui/button";
import { FormCard } from "~/core/ui/card";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/join";
import { chooseOrganization } from "./current";
import { forgetInvitation, keptInvitation } from "./invitations";

export function clientLoader() {
  if (!keptInvitation()) throw redirect("/");
  return null;
}

export async function clientAction() {
  const outcome = await attempt(async () => {
    const { slug } = await organizationsAcceptInvitation({
      body: { token: keptInvitation() ?? "" },
    });
    await chooseOrganization(slug);
  });
  if (!outcome.done) return outcome;
  forgetInvitation();
  throw redirect("/");
}

export default function Join({ actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  return (
    <FormCard title="Invitation">
      <title>Invitation</title>
      <p>Somebody has invited you to an organization.</p>
      {actionData?.problem && <Message error>{actionData.problem.detail}</Message>}
      <Form method="post">
        <Button type="submit" busy={busy}>
          Join
        </Button>
      </Form>
    </FormCard>
  );
}
