import { clsx, type ClassValue } from "clsx";
import { twMerge } from "tailwind-merge";

/** Join class names; of two that contradict each other, the last one counts. */
export function cn(...classes: ClassValue[]): string {
  return twMerge(clsx(classes));
}
