import {
  organizationsEnsurePersonal,
  organizationsListOrganizations,
  organizationsReadOrganization,
  type OrganizationRead,
} from "~/client";
import { ApiError } from "~/core/problem";
import { currentSession } from "~/core/session";

const listeners = new Set<() => void>();

/** Where the choice is kept. Another user of this browser has another one. */
async function key(): Promise<string> {
  return `organization ${(await currentSession())?.user.id ?? ""}`;
}

/** The organization that the user works for in this browser: its slug. */
export async function currentOrganization(): Promise<string> {
  const mine = await key();
  const chosen = localStorage.getItem(mine);
  if (chosen) return chosen;
  const { slug } = await organizationsEnsurePersonal();
  localStorage.setItem(mine, slug);
  return slug;
}

/** Work for another organization, or after a change of its name for the same one. */
export async function chooseOrganization(slug: string): Promise<void> {
  localStorage.setItem(await key(), slug);
  listeners.forEach((changed) => {
    changed();
  });
}

/** Work for the personal organization, because the chosen one is left or deleted. */
export async function leaveOrganization(): Promise<void> {
  localStorage.removeItem(await key());
  listeners.forEach((changed) => {
    changed();
  });
}

/** Call a function after each choice; the result ends that. */
export function onChoice(changed: () => void): () => void {
  listeners.add(changed);
  return () => {
    listeners.delete(changed);
  };
}

/** The current organization. One of which the user is no member any more is left. */
export async function readCurrent(): Promise<OrganizationRead> {
  const read = async () =>
    organizationsReadOrganization({ path: { organization: await currentOrganization() } });
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status !== 404) throw error;
    await leaveOrganization();
    return read();
  }
}

/** All organizations of the user. The choice is forgotten if it is none of them. */
export async function organizations() {
  const { items } = await organizationsListOrganizations({ query: { limit: 100, total: false } });
  const mine = await key();
  if (!items.some(({ slug }) => slug === localStorage.getItem(mine))) localStorage.removeItem(mine);
  return items;
}
