import { useEffect, useRef } from "react";
import { Link, useFetcher } from "react-router";

import {
  organizationsInvite,
  organizationsResendInvitation,
  organizationsRevokeInvitation,
  type InvitationRead,
  type KeysetPageInvitationRead,
  type OrganizationRead,
} from "~/client";
import { attempt, text, type Outcome } from "~/core/forms";
import { ProblemMessage } from "~/core/problem-message";
import { Button, buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Confirm } from "~/core/ui/confirm";
import { Field, Select } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import { OWNER } from "./roles";

interface Answer extends Outcome {
  /** An invitation that was sent, with its link if nobody delivers it. */
  sent?: { email: string; link: string | null };
}

/** Invite somebody, or send or revoke an invitation. */
export async function invitationAction(form: FormData): Promise<Answer> {
  const organization = text(form, "slug");
  const path = { organization, invitation_id: text(form, "invitation") };
  const body = { email: text(form, "email"), role: text(form, "role") };
  let sent: Answer["sent"];
  const outcome = await attempt(async () => {
    switch (text(form, "intent")) {
      case "revoke":
        return organizationsRevokeInvitation({ path });
      case "resend":
        sent = await organizationsResendInvitation({ path });
        break;
      default:
        sent = await organizationsInvite({ path: { organization }, body });
    }
  });
  return sent ? { ...outcome, sent } : outcome;
}

export function Invitations({
  organization,
  page,
  roles,
}: {
  organization: OrganizationRead;
  page: KeysetPageInvitationRead;
  roles: string[];
}) {
  return (
    <section className="grid gap-4" aria-label="Invitations">
      <h2 className="text-xl font-semibold">Invitations</h2>
      <Invite organization={organization} roles={roles} />
      {page.items.length > 0 && (
        <ul className="divide-y rounded-lg border bg-card" aria-label="Open invitations">
          {page.items.map((each) => (
            <Invitation key={each.id} invitation={each} organization={organization} />
          ))}
        </ul>
      )}
      {page.next_cursor && (
        <Link
          to={`?${new URLSearchParams({ cursor: page.next_cursor })}`}
          className={buttonStyle({ variant: "outline", className: "justify-self-center" })}
        >
          Older invitations
        </Link>
      )}
    </section>
  );
}

function Invite({ organization, roles }: { organization: OrganizationRead; roles: string[] }) {
  const fetcher = useFetcher<Answer>();
  const form = useRef<HTMLFormElement>(null);
  const problem = fetcher.data?.problem;
  useEffect(() => {
    if (fetcher.data?.done) form.current?.reset();
  }, [fetcher.data]);
  return (
    <Card aria-label="Invite">
      <ProblemMessage problem={problem} />
      <Sent answer={fetcher.data} />
      <fetcher.Form ref={form} method="post" className="flex flex-wrap items-end gap-2">
        <input type="hidden" name="slug" value={organization.slug} />
        <Field
          label="E-mail address"
          name="email"
          type="email"
          required
          error={problem?.fields.email}
          className="min-w-48 grow"
        />
        <Select label="Role" name="role" defaultValue="member">
          {roles.map((role) => (
            <option key={role}>{role}</option>
          ))}
        </Select>
        <Button type="submit" name="intent" value="invite" busy={fetcher.state !== "idle"}>
          Invite
        </Button>
      </fetcher.Form>
    </Card>
  );
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

function Invitation({
  invitation,
  organization,
}: {
  invitation: InvitationRead;
  organization: OrganizationRead;
}) {
  const fetcher = useFetcher<Answer>();
  const { email } = invitation;
  const mayChange = invitation.role !== OWNER || organization.role === OWNER;
  const send = (intent: string) =>
    void fetcher.submit(
      { intent, slug: organization.slug, invitation: invitation.id },
      { method: "post" },
    );
  return (
    <li className="grid gap-2 p-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-48 grow">
          <p className="break-all">{email}</p>
          <p className="text-sm text-muted-foreground">
            as {invitation.role}, until {day.format(new Date(invitation.expires_at))}
          </p>
        </div>
        {mayChange && (
          <>
            <Button
              variant="outline"
              size="small"
              busy={fetcher.state !== "idle"}
              aria-label={`Send again: the invitation of ${email}`}
              onClick={() => {
                send("resend");
              }}
            >
              Send again
            </Button>
            <Confirm
              label={`Revoke the invitation of ${email}`}
              question={`Revoke the invitation of ${email}? Its link ends.`}
              onConfirm={() => {
                send("revoke");
              }}
            >
              Revoke
            </Confirm>
          </>
        )}
      </div>
      <ProblemMessage problem={fetcher.data?.problem} />
      <Sent answer={fetcher.data} />
    </li>
  );
}

/** What became of an invitation: it is on its way, or its link has to be passed on. */
function Sent({ answer }: { answer: Answer | undefined }) {
  if (!answer?.sent) return null;
  const { email, link } = answer.sent;
  if (!link) return <Message>The invitation is on its way to {email}.</Message>;
  return (
    <Field
      label={`Pass this link on to ${email}; it is shown only now`}
      value={link}
      readOnly
      onFocus={(event) => {
        event.target.select();
      }}
    />
  );
}
