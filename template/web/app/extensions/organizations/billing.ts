import { currentOrganization } from "./current";

/** Plans and invoices are those of the organization that is chosen. */
export async function holder(): Promise<Record<string, string>> {
  return { "X-Organization": await currentOrganization() };
}
