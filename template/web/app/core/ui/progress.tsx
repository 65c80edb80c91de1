import { useId } from "react";

/** How much is done; without a total, that something is being done. */
export function Progress({
  label,
  done,
  total,
}: {
  label: string;
  done?: number | null | undefined;
  total?: number | null | undefined;
}) {
  const id = useId();
  const known = total != null && total > 0;
  return (
    <div className="grid gap-1 text-sm" role="status">
      <label htmlFor={id}>
        {label}
        {known && ` ${done ?? 0} of ${total}`}
      </label>
      <progress
        id={id}
        className="h-2 w-full accent-primary"
        {...(known ? { value: done ?? 0, max: total } : {})}
      />
    </div>
  );
}
