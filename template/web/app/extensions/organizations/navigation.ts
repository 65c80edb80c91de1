import type { NavigationLink } from "~/core/found";

export const navigation: NavigationLink[] = [
  { to: "/organization", label: "Organization", order: 80 },
];
