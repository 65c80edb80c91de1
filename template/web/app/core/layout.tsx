import { useEffect, useRef } from "react";
import { Link, NavLink, Outlet, useLocation, useMatches, useNavigation } from "react-router";

import { cn } from "~/core/cn";
import { ErrorPage } from "~/core/error-page";
import { headers, navigation } from "~/core/found";
import { ThemeButton } from "~/core/theme";
import site from "../../site.json";

import type { Route } from "./+types/layout";

export default function Layout() {
  return (
    <Frame>
      <Outlet />
    </Frame>
  );
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  return (
    <Frame>
      <ErrorPage error={error} />
    </Frame>
  );
}

function Frame({ children }: { children: React.ReactNode }) {
  const isSignedIn = useIsSignedIn();
  const isLoading = useNavigation().state !== "idle";
  const main = useMainFocus();
  return (
    <div className="mx-auto flex min-h-dvh max-w-4xl flex-col px-4">
      <a href="#main" className="sr-only focus:not-sr-only">
        Skip to the content
      </a>
      <div
        aria-hidden
        className={cn(
          "fixed inset-x-0 top-0 h-1 bg-primary",
          isLoading ? "animate-pulse" : "invisible",
        )}
      />
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b py-3">
        <Link to="/" className="font-semibold">
          {site.name}
        </Link>
        {isSignedIn && (
          <nav aria-label="Main" className="flex flex-wrap gap-x-1">
            {navigation.map((link) => (
              <NavLink
                key={link.to}
                to={link.to}
                className="rounded-md px-2 py-2 text-sm hover:bg-muted aria-[current=page]:font-semibold aria-[current=page]:underline"
              >
                {link.label}
              </NavLink>
            ))}
          </nav>
        )}
        <div className="ml-auto flex items-center gap-2">
          {isSignedIn && headers.map((Header, number) => <Header key={number} />)}
          <ThemeButton />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className="grow py-6 outline-none">
        {children}
      </main>
    </div>
  );
}

/** Whether there is a session: `core/signed-in.tsx` says so, and pages for everybody may do so too. */
function useIsSignedIn(): boolean {
  return useMatches().some(
    ({ loaderData }) => (loaderData as { isSignedIn?: boolean } | undefined)?.isSignedIn,
  );
}

/** Move the focus to the content after a change of the page, as browsers do for whole pages. */
function useMainFocus() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current !== pathname) main.current?.focus();
    before.current = pathname;
  }, [pathname]);
  return main;
}
