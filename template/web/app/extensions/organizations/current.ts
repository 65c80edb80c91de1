import { organizationsEnsurePersonal, organizationsListOrganizations } from "~/client";

const KEY = "organization";

/** The organization that the user works for in this browser: its slug. */
export async function currentOrganization(): Promise<string> {
  const chosen = localStorage.getItem(KEY);
  if (chosen) return chosen;
  const { slug } = await organizationsEnsurePersonal();
  chooseOrganization(slug);
  return slug;
}

export function chooseOrganization(slug: string): void {
  localStorage.setItem(KEY, slug);
}

/** All organizations of the user. The choice is forgotten if it is none of them. */
export async function organizations() {
  const { items } = await organizationsListOrganizations({ query: { limit: 100, total: false } });
  if (!items.some(({ slug }) => slug === localStorage.getItem(KEY))) localStorage.removeItem(KEY);
  return items;
}
