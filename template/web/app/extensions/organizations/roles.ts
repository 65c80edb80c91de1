import type { MemberRead } from "~/client";

export const OWNER = "owner";

/** Whether a role may do what is for admins. */
export const isAdmin = (role: string) => role === OWNER || role === "admin";

/** How a list shows a member. */
export const memberName = (member: MemberRead) =>
  member.display_name ?? member.email ?? member.user_id;
