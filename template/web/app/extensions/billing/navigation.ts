import type { NavigationLink } from "~/core/found";

export const navigation: NavigationLink[] = [{ to: "/billing", label: "Billing", order: 60 }];
