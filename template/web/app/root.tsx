import type { ReactNode } from "react";
import { Links, Meta, Outlet, Scripts, ScrollRestoration } from "react-router";

import "./app.css";
import "~/core/session";
import { THEME_SCRIPT } from "~/core/theme";
import site from "../site.json";

/** The document. It is rendered once, at the build. */
export function Layout({ children }: { children: ReactNode }) {
  return (
    // The script sets an attribute of this element before React starts.
    <html lang="en" suppressHydrationWarning>
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="description" content={site.name} />
        <link rel="icon" href={`${import.meta.env.BASE_URL}icon.svg`} type="image/svg+xml" />
        <script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} />
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <ScrollRestoration />
        <Scripts />
      </body>
    </html>
  );
}

export default function Root() {
  return <Outlet />;
}

/** Shown until the first page is there. */
export function HydrateFallback() {
  return (
    <main className="mx-auto max-w-4xl px-4 py-8">
      <title>{site.name}</title>
      <h1 className="sr-only">{site.name}</h1>
      <p role="status" className="text-muted-foreground">
        Loading …
      </p>
    </main>
  );
}
