import type { ComponentType } from "react";

/** A link of the navigation: `navigation.ts` of an extension or a feature exports a list of them. */
export interface NavigationLink {
  to: string;
  label: string;
  /** Lower numbers come first. */
  order: number;
}

/** Shows an error with a certain code, instead of its sentence alone. */
export type ProblemCard = ComponentType<{ detail: string }>;

const links = import.meta.glob<NavigationLink[]>(
  ["../extensions/*/navigation.ts", "../features/*/navigation.ts"],
  { eager: true, import: "navigation" },
);
const widgets = import.meta.glob<ComponentType>(
  ["../extensions/*/header.tsx", "../features/*/header.tsx"],
  { eager: true, import: "Header" },
);
const cards = import.meta.glob<Record<string, ProblemCard>>(
  ["../extensions/*/problems.tsx", "../features/*/problems.tsx"],
  { eager: true, import: "problems" },
);

/** The links of all extensions and features, in their order. */
export const navigation: NavigationLink[] = Object.values(links)
  .flat()
  .sort((a, b) => a.order - b.order);

/** What the extensions and features show in the header for a user who is signed in. */
export const headers: ComponentType[] = Object.values(widgets);

/** What the extensions and features show for errors, by their code. */
export const problemCards: Partial<Record<string, ProblemCard>> = Object.fromEntries(
  Object.values(cards).flatMap((each) => Object.entries(each)),
);
