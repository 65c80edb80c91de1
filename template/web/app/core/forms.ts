import { ApiError } from "~/core/problem";

/** What an action returns: `problem` says what to correct. */
export interface Outcome {
  done: boolean;
  problem?: { code?: string; detail: string; fields: Record<string, string> };
}

/** Run a change. Errors that the user can correct are returned; the page of errors shows others. */
export async function attempt(change: () => Promise<unknown>): Promise<Outcome> {
  try {
    await change();
    return { done: true };
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status >= 500) throw error;
    const { code } = error.problem;
    return { done: false, problem: { code, detail: error.message, fields: error.fields } };
  }
}

/** The text of a field of a form, without spaces around it. */
export function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}

/** A password as it was typed. */
export function password(form: FormData): string {
  const value = form.get("password");
  return typeof value === "string" ? value : "";
}
