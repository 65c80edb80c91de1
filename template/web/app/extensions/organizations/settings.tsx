import { Link, redirect, useFetcher, useNavigation } from "react-router";

import {
  organizationsCreateOrganization,
  organizationsDeleteOrganization,
  organizationsLeaveOrganization,
  organizationsListMembers,
  organizationsListOrganizations,
  organizationsRenameOrganization,
  organizationsRestoreOrganization,
  organizationsTransferOrganization,
  usersReadMe,
  type MemberRead,
  type OrganizationRead,
} from "~/client";
import { attempt, text } from "~/core/forms";
import { ProblemMessage } from "~/core/problem-message";
import { Button, buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Confirm } from "~/core/ui/confirm";
import { Field, Select } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/settings";
import { chooseOrganization, leaveOrganization, readCurrent } from "./current";
import { isAdmin, memberName, OWNER } from "./roles";

export async function clientLoader() {
  const [organization, deleted, me] = await Promise.all([
    readCurrent(),
    organizationsListOrganizations({ query: { deleted: true, limit: 100, total: false } }),
    usersReadMe(),
  ]);
  const canTransfer = organization.role === OWNER && !organization.personal;
  const path = { organization: organization.slug };
  const members = canTransfer
    ? await organizationsListMembers({ path, query: { limit: 100, total: false } })
    : { items: [] };
  return {
    organization,
    deleted: deleted.items,
    heirs: members.items.filter((member) => member.user_id !== me.id),
  };
}

export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const slug = text(form, "slug");
  const path = { organization: slug };
  const body = { name: text(form, "name") };
  switch (text(form, "intent")) {
    case "rename":
      return attempt(async () => {
        await organizationsRenameOrganization({ path, body });
        await chooseOrganization(slug);
      });
    case "transfer":
      return attempt(() =>
        organizationsTransferOrganization({ path, body: { user_id: text(form, "heir") } }),
      );
    case "create":
      return attempt(async () => {
        await chooseOrganization((await organizationsCreateOrganization({ body })).slug);
      });
    case "restore":
      return attempt(async () => {
        await organizationsRestoreOrganization({ path });
        await chooseOrganization(slug);
      });
    case "leave":
      return end(() => organizationsLeaveOrganization({ path }));
    default:
      return end(() => organizationsDeleteOrganization({ path }));
  }
}

async function end(change: () => Promise<unknown>) {
  const outcome = await attempt(change);
  if (!outcome.done) return outcome;
  await leaveOrganization();
  throw redirect("/organization");
}

export default function Settings({
  loaderData: { organization, deleted, heirs },
}: Route.ComponentProps) {
  return (
    <div key={organization.id} className="grid gap-4">
      <title>Organization</title>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-2xl font-semibold">Organization</h1>
        <Link to="/organization/members" className={buttonStyle({ variant: "outline" })}>
          Members and invitations
        </Link>
      </div>
      <Name organization={organization} />
      {heirs.length > 0 && <Transfer organization={organization} heirs={heirs} />}
      {!organization.personal && <End organization={organization} />}
      <Create />
      {deleted.length > 0 && <Deleted organizations={deleted} />}
    </div>
  );
}

function Name({ organization }: { organization: OrganizationRead }) {
  const fetcher = useFetcher<typeof clientAction>();
  const problem = fetcher.data?.problem;
  return (
    <Card>
      {fetcher.data?.done && <Message>Saved.</Message>}
      <ProblemMessage problem={problem} />
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <dt className="text-muted-foreground">Your role</dt>
        <dd>{organization.role}</dd>
        <dt className="text-muted-foreground">Short name</dt>
        <dd className="break-all">{organization.slug}</dd>
      </dl>
      {isAdmin(organization.role) ? (
        <fetcher.Form method="post" className="grid gap-4">
          <input type="hidden" name="slug" value={organization.slug} />
          <Field
            label="Name"
            name="name"
            maxLength={100}
            required
            defaultValue={organization.name}
            error={problem?.fields.name}
          />
          <Button
            type="submit"
            name="intent"
            value="rename"
            busy={fetcher.state !== "idle"}
            className="justify-self-start"
          >
            Save
          </Button>
        </fetcher.Form>
      ) : (
        <p className="font-medium">{organization.name}</p>
      )}
    </Card>
  );
}

function Transfer({
  organization,
  heirs,
}: {
  organization: OrganizationRead;
  heirs: MemberRead[];
}) {
  const fetcher = useFetcher<typeof clientAction>();
  return (
    <Card>
      <h2 className="text-lg font-semibold">Transfer it</h2>
      <p className="text-sm">Another member becomes the owner, and you become an admin.</p>
      <ProblemMessage problem={fetcher.data?.problem} />
      <fetcher.Form method="post" className="flex flex-wrap items-end gap-2">
        <input type="hidden" name="slug" value={organization.slug} />
        <Select label="New owner" name="heir" className="min-w-48 grow">
          {heirs.map((member) => (
            <option key={member.user_id} value={member.user_id}>
              {memberName(member)}
            </option>
          ))}
        </Select>
        <Button
          type="submit"
          name="intent"
          value="transfer"
          variant="outline"
          busy={fetcher.state !== "idle"}
        >
          Transfer
        </Button>
      </fetcher.Form>
    </Card>
  );
}

function End({ organization }: { organization: OrganizationRead }) {
  const fetcher = useFetcher<typeof clientAction>();
  const send = (intent: string) =>
    void fetcher.submit({ intent, slug: organization.slug }, { method: "post" });
  return (
    <Card>
      <h2 className="text-lg font-semibold">Leave or delete it</h2>
      <ProblemMessage problem={fetcher.data?.problem} />
      <div className="flex flex-wrap gap-2">
        <Confirm
          label={`Leave ${organization.name}`}
          question={`Leave “${organization.name}”? Somebody has to invite you before you come back.`}
          onConfirm={() => {
            send("leave");
          }}
        >
          Leave
        </Confirm>
        {organization.role === OWNER && (
          <Confirm
            label={`Delete ${organization.name}`}
            question={`Delete “${organization.name}” for all its members? An owner can restore it for some days; then everything in it is gone.`}
            onConfirm={() => {
              send("delete");
            }}
          >
            Delete
          </Confirm>
        )}
      </div>
    </Card>
  );
}

function Create() {
  const fetcher = useFetcher<typeof clientAction>();
  const problem = fetcher.data?.problem;
  return (
    <Card>
      <h2 className="text-lg font-semibold">Create another one</h2>
      <ProblemMessage problem={problem} />
      <fetcher.Form method="post" className="flex flex-wrap items-end gap-2">
        <Field
          label="Name of the new one"
          name="name"
          maxLength={100}
          required
          error={problem?.fields.name}
          className="min-w-48 grow"
        />
        <Button type="submit" name="intent" value="create" busy={fetcher.state !== "idle"}>
          Create
        </Button>
      </fetcher.Form>
    </Card>
  );
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

function Deleted({ organizations }: { organizations: OrganizationRead[] }) {
  const fetcher = useFetcher<typeof clientAction>();
  const busy = useNavigation().state !== "idle" || fetcher.state !== "idle";
  return (
    <Card>
      <h2 className="text-lg font-semibold">Deleted, and can be restored</h2>
      <ProblemMessage problem={fetcher.data?.problem} />
      <ul className="divide-y">
        {organizations.map((each) => (
          <li key={each.id} className="flex flex-wrap items-center justify-between gap-2 py-2">
            <span>
              {each.name}
              {each.deleted_at && `, deleted on ${day.format(new Date(each.deleted_at))}`}
            </span>
            <Button
              variant="outline"
              size="small"
              busy={busy}
              aria-label={`Restore ${each.name}`}
              onClick={() =>
                void fetcher.submit({ intent: "restore", slug: each.slug }, { method: "post" })
              }
            >
              Restore
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
