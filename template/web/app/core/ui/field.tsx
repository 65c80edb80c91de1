import { useId, type ComponentProps } from "react";

import { cn } from "~/core/cn";

const CONTROL =
  "w-full rounded-md border border-input bg-background px-3 py-2 text-base aria-invalid:border-destructive";

interface Labelled {
  label: string;
  error?: string | undefined;
  hint?: string;
  /** For screen readers only, where the place says enough. */
  hideLabel?: boolean;
}

/** A text field with its label, a hint, and what is wrong with it. */
export function Field({
  label,
  error,
  hint,
  hideLabel = false,
  className,
  ...props
}: ComponentProps<"input"> & Labelled) {
  const { ids, described } = useIds(error, hint);
  return (
    <div className={cn("grid gap-1.5", className)}>
      <Label id={ids.field} text={label} hidden={hideLabel} />
      <input
        id={ids.field}
        aria-invalid={error ? true : undefined}
        aria-describedby={described}
        className={CONTROL}
        {...props}
      />
      <Notes ids={ids} error={error} hint={hint} />
    </div>
  );
}

/** A text of several lines. */
export function TextField({
  label,
  error,
  hint,
  hideLabel = false,
  className,
  ...props
}: ComponentProps<"textarea"> & Labelled) {
  const { ids, described } = useIds(error, hint);
  return (
    <div className={cn("grid gap-1.5", className)}>
      <Label id={ids.field} text={label} hidden={hideLabel} />
      <textarea
        id={ids.field}
        rows={4}
        aria-invalid={error ? true : undefined}
        aria-describedby={described}
        className={CONTROL}
        {...props}
      />
      <Notes ids={ids} error={error} hint={hint} />
    </div>
  );
}

/** A choice of the browser's own kind, which works with keyboards, screen readers and phones. */
export function Select({
  label,
  hideLabel = false,
  className,
  ...props
}: ComponentProps<"select"> & Pick<Labelled, "label" | "hideLabel">) {
  const id = useId();
  return (
    <div className={cn("grid gap-1.5", className)}>
      <Label id={id} text={label} hidden={hideLabel} />
      <select id={id} className={CONTROL} {...props} />
    </div>
  );
}

interface Ids {
  field: string;
  error: string;
  hint: string;
}

function useIds(error: string | undefined, hint: string | undefined) {
  const field = useId();
  const ids: Ids = { field, error: `${field}-error`, hint: `${field}-hint` };
  const described = [error && ids.error, hint && ids.hint].filter(Boolean).join(" ");
  return { ids, described: described || undefined };
}

function Label({ id, text, hidden }: { id: string; text: string; hidden: boolean }) {
  return (
    <label htmlFor={id} className={hidden ? "sr-only" : "text-sm font-medium"}>
      {text}
    </label>
  );
}

function Notes({
  ids,
  error,
  hint,
}: {
  ids: Ids;
  error?: string | undefined;
  hint?: string | undefined;
}) {
  return (
    <>
      {hint && (
        <p id={ids.hint} className="text-sm text-muted-foreground">
          {hint}
        </p>
      )}
      {error && (
        <p id={ids.error} className="text-sm text-destructive">
          {error}
        </p>
      )}
    </>
  );
}
