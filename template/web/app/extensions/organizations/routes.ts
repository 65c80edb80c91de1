import { route } from "@react-router/dev/routes";

// ORGANIZATIONS_INVITATION_URL is the address of this page.
export const open = [route("invitation", "extensions/organizations/invitation.tsx")];

export const routes = [
  route("join", "extensions/organizations/join.tsx"),
  route("organization", "extensions/organizations/settings.tsx"),
  route("organization/members", "extensions/organizations/members.tsx"),
];
