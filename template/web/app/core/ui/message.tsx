import type { ReactNode } from "react";

import { cn } from "~/core/cn";

/** A message that screen readers read at once: an error, or otherwise a note. */
export function Message({ error = false, children }: { error?: boolean; children: ReactNode }) {
  return (
    <div
      role={error ? "alert" : "status"}
      className={cn(
        "rounded-md border p-3 text-sm",
        error ? "border-destructive text-destructive" : "bg-muted",
      )}
    >
      {children}
    </div>
  );
}

/** What a list shows while it has no entries. */
export function Empty({ children }: { children: ReactNode }) {
  return (
    <p className="rounded-lg border border-dashed p-8 text-center text-muted-foreground">
      {children}
    </p>
  );
}
