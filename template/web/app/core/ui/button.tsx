import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";

import { cn } from "~/core/cn";

export const buttonStyle = cva(
  "inline-flex min-h-10 items-center justify-center gap-2 rounded-md px-4 text-sm font-medium " +
    "whitespace-nowrap transition-opacity hover:opacity-85 disabled:cursor-not-allowed " +
    "disabled:opacity-60",
  {
    variants: {
      variant: {
        primary: "bg-primary text-primary-foreground",
        outline: "border border-input bg-background",
        ghost: "hover:bg-muted",
        destructive: "bg-destructive text-destructive-foreground",
      },
      size: { default: "", small: "min-h-9 px-3" },
    },
    defaultVariants: { variant: "primary", size: "default" },
  },
);

/** A button, or with `busy` one that waits for its work. */
export function Button({
  className,
  variant,
  size,
  busy = false,
  type = "button",
  ...props
}: ComponentProps<"button"> & VariantProps<typeof buttonStyle> & { busy?: boolean }) {
  return (
    <button
      type={type}
      aria-busy={busy || undefined}
      disabled={busy}
      className={cn(buttonStyle({ variant, size }), className)}
      {...props}
    />
  );
}
