import { redirect } from "react-router";

import { FormCard } from "~/core/ui/card";
import { Message } from "~/core/ui/message";

import { keepInvitation } from "./invitations";

/** The link of a mail. The token is behind `#`, which no server sees and no redirect keeps. */
export function clientLoader() {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (!token) return null;
  keepInvitation(token);
  throw redirect("/join");
}

export default function Invitation() {
  return (
    <FormCard title="Invitation">
      <title>Invitation</title>
      <Message error>The link is not complete.</Message>
    </FormCard>
  );
}
