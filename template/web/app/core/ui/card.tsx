import type { ComponentProps } from "react";

import { cn } from "~/core/cn";

/** A box around what belongs together. */
export function Card({ className, ...props }: ComponentProps<"section">) {
  return (
    <section
      className={cn("grid gap-4 rounded-lg border bg-card p-4 sm:p-6", className)}
      {...props}
    />
  );
}

/** A narrow card in the middle, for a form that is the whole page. */
export function FormCard({ title, ...props }: ComponentProps<"section"> & { title: string }) {
  return (
    <div className="mx-auto grid max-w-md gap-4 py-8">
      <h1 className="text-2xl font-semibold">{title}</h1>
      <Card {...props} />
    </div>
  );
}
