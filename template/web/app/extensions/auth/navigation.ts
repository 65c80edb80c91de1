import type { NavigationLink } from "~/core/found";

export const navigation: NavigationLink[] = [{ to: "/account", label: "Account", order: 90 }];
