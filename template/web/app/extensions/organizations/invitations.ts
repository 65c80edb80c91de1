const KEY = "invitation";

/** Keep the token of an invitation while its user signs in or signs up, in this tab. */
export function keepInvitation(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function keptInvitation(): string | null {
  return sessionStorage.getItem(KEY);
}

export function forgetInvitation(): void {
  sessionStorage.removeItem(KEY);
}
