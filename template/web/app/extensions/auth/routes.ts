import { route } from "@react-router/dev/routes";

export const open = [
  route("sign-in", "extensions/auth/sign-in.tsx"),
  route("sign-up", "extensions/auth/sign-up.tsx"),
  route("reset-password", "extensions/auth/reset-password.tsx"),
  // Links in mails of Supabase lead here.
  route("auth/callback", "extensions/auth/callback.tsx"),
];

export const routes = [
  route("account", "extensions/auth/account.tsx"),
  route("new-password", "extensions/auth/new-password.tsx"),
];
