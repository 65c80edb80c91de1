import { route } from "@react-router/dev/routes";

export const open = [
  route("sign-in", "extensions/account/sign-in.tsx"),
  route("sign-up", "extensions/account/sign-up.tsx"),
  route("reset-password", "extensions/account/reset-password.tsx"),
  // Links in mails of Supabase lead here.
  route("auth/callback", "extensions/account/callback.tsx"),
];

export const routes = [
  route("account", "extensions/account/account.tsx"),
  route("new-password", "extensions/account/new-password.tsx"),
];
