import type { NavigationLink } from "~/core/found";

export const navigation: NavigationLink[] = [{ to: "/documents", label: "Documents", order: 40 }];
