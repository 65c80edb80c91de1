import type { NavigationLink } from "~/core/found";

export const navigation: NavigationLink[] = [{ to: "/credits", label: "Credits", order: 50 }];
