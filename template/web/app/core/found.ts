import type { ComponentType } from "react";

/** A link of the navigation: `navigation.ts` of an extension or a feature exports a list of them. */
export interface NavigationLink {
  to: string;
  label: string;
  /** Lower numbers come first. */
  order: number;
}

const links = import.meta.glob<NavigationLink[]>(
  ["../extensions/*/navigation.ts", "../features/*/navigation.ts"],
  { eager: true, import: "navigation" },
);
const widgets = import.meta.glob<ComponentType>(
  ["../extensions/*/header.tsx", "../features/*/header.tsx"],
  { eager: true, import: "Header" },
);

/** The links of all extensions and features, in their order. */
export const navigation: NavigationLink[] = Object.values(links)
  .flat()
  .sort((a, b) => a.order - b.order);

/** What the extensions and features show in the header for a user who is signed in. */
export const headers: ComponentType[] = Object.values(widgets);
