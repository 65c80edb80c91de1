import { useId, useRef, type ReactNode } from "react";

import { Button } from "~/core/ui/button";

/** A button whose action is asked about in a dialog of the browser's own kind. */
export function Confirm({
  label,
  question,
  onConfirm,
  children,
}: {
  /** Says what the button does, for screen readers. */
  label: string;
  question: string;
  onConfirm: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  return (
    <>
      <Button
        variant="ghost"
        size="small"
        aria-label={label}
        onClick={() => dialog.current?.showModal()}
      >
        {children}
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby={title}
        className="m-auto max-w-sm rounded-lg border bg-card p-6 text-foreground backdrop:bg-black/50"
      >
        <p id={title} className="mb-4">
          {question}
        </p>
        <form method="dialog" className="flex justify-end gap-2">
          <Button type="submit" variant="outline">
            Cancel
          </Button>
          <Button type="submit" variant="destructive" onClick={onConfirm}>
            {children}
          </Button>
        </form>
      </dialog>
    </>
  );
}
