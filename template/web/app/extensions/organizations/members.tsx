import { Link, useFetcher } from "react-router";

import {
  organizationsListInvitations,
  organizationsListMembers,
  organizationsListRoles,
  organizationsRemoveMember,
  organizationsSetRole,
  usersReadMe,
  type MemberRead,
  type OrganizationRead,
} from "~/client";
import { attempt, text } from "~/core/forms";
import { ProblemMessage } from "~/core/problem-message";
import { buttonStyle } from "~/core/ui/button";
import { Confirm } from "~/core/ui/confirm";
import { Select } from "~/core/ui/field";

import type { Route } from "./+types/members";
import { readCurrent } from "./current";
import { Invitations, invitationAction } from "./invite";
import { isAdmin, memberName, OWNER } from "./roles";

const PAGE_SIZE = 50;

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const { searchParams } = new URL(request.url);
  const offset = Number(searchParams.get("offset") ?? 0) || 0;
  const organization = await readCurrent();
  const path = { organization: organization.slug };
  const invites = isAdmin(organization.role) && !organization.personal;
  const [me, roles, members, invitations] = await Promise.all([
    usersReadMe(),
    organizationsListRoles(),
    organizationsListMembers({ path, query: { limit: PAGE_SIZE, offset } }),
    invites
      ? organizationsListInvitations({ path, query: { cursor: searchParams.get("cursor") } })
      : undefined,
  ]);
  return { organization, me, roles: roles.roles, members, offset, invitations };
}

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const path = { organization: text(form, "slug"), user_id: text(form, "user") };
  switch (text(form, "intent")) {
    case "role":
      return attempt(() => organizationsSetRole({ path, body: { role: text(form, "role") } }));
    case "remove":
      return attempt(() => organizationsRemoveMember({ path }));
    default:
      return invitationAction(form);
  }
}

export default function Members({ loaderData }: Route.ComponentProps) {
  const { organization, me, roles, members, offset, invitations } = loaderData;
  // Only owners make others owner.
  const given = roles.filter((role) => role !== OWNER || organization.role === OWNER);
  const total = members.total ?? 0;
  return (
    <div className="grid gap-4" key={organization.id}>
      <title>Members</title>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-2xl font-semibold">Members of {organization.name}</h1>
        <Link to="/organization" className={buttonStyle({ variant: "outline" })}>
          Settings
        </Link>
      </div>
      {organization.personal && (
        <p>This is your personal organization. Create another one to work with others.</p>
      )}
      <ul className="divide-y rounded-lg border bg-card" aria-label="Members">
        {members.items.map((member) => (
          <Member
            key={member.user_id}
            member={member}
            organization={organization}
            isMe={member.user_id === me.id}
            roles={given}
          />
        ))}
      </ul>
      {total > PAGE_SIZE && (
        <nav aria-label="Pages" className="flex justify-center gap-4 text-sm">
          {offset > 0 && (
            <Link
              to={`?${new URLSearchParams({ offset: String(Math.max(0, offset - PAGE_SIZE)) })}`}
              className={buttonStyle({ variant: "outline", size: "small" })}
            >
              Previous
            </Link>
          )}
          {offset + PAGE_SIZE < total && (
            <Link
              to={`?${new URLSearchParams({ offset: String(offset + PAGE_SIZE) })}`}
              className={buttonStyle({ variant: "outline", size: "small" })}
            >
              Next
            </Link>
          )}
        </nav>
      )}
      {invitations && <Invitations organization={organization} page={invitations} roles={given} />}
    </div>
  );
}

function Member({
  member,
  organization,
  isMe,
  roles,
}: {
  member: MemberRead;
  organization: OrganizationRead;
  isMe: boolean;
  roles: string[];
}) {
  const fetcher = useFetcher<typeof clientAction>();
  const { slug, role } = organization;
  const name = memberName(member);
  // Only owners change owners, and everybody leaves on the page with the settings.
  const mayChange =
    isAdmin(role) && !organization.personal && (member.role !== OWNER || role === OWNER);
  const send = (values: Record<string, string>) =>
    void fetcher.submit({ ...values, slug, user: member.user_id }, { method: "post" });
  const pending = fetcher.formData?.get("role");
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 p-3">
      <div className="min-w-48 grow">
        <p className="font-medium break-all">
          {name}
          {isMe && " (you)"}
        </p>
        {member.display_name && (
          <p className="text-sm break-all text-muted-foreground">{member.email}</p>
        )}
        <ProblemMessage problem={fetcher.data?.problem} />
      </div>
      {mayChange ? (
        <Select
          label={`Role of ${name}`}
          hideLabel
          value={typeof pending === "string" ? pending : member.role}
          onChange={(event) => {
            send({ intent: "role", role: event.target.value });
          }}
        >
          {roles.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
      ) : (
        <span className="text-sm">{member.role}</span>
      )}
      {mayChange && !isMe && (
        <Confirm
          label={`Remove ${name}`}
          question={`Remove ${name} from “${organization.name}”? This takes effect at once.`}
          onConfirm={() => {
            send({ intent: "remove" });
          }}
        >
          Remove
        </Confirm>
      )}
    </li>
  );
}
