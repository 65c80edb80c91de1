import type { NavigationLink } from "~/core/found";

export const navigation: NavigationLink[] = [{ to: "/items", label: "Items", order: 10 }];
