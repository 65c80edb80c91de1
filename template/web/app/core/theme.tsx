import { useSyncExternalStore } from "react";

import { Button } from "~/core/ui/button";

const KEY = "theme";

/** Runs before the first paint, so that the page does not flash in the other colours. */
export const THEME_SCRIPT = `try{const t=localStorage.getItem("${KEY}");if(t)document.documentElement.dataset.theme=t}catch{}`;

function current(): "light" | "dark" {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function subscribe(changed: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}

/** Switches between light and dark; until then, the system decides. */
export function ThemeButton() {
  const theme = useSyncExternalStore(subscribe, current, () => "light" as const);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <Button
      variant="ghost"
      size="small"
      aria-label={`Use ${other} colours`}
      onClick={() => {
        document.documentElement.dataset.theme = other;
        localStorage.setItem(KEY, other);
      }}
    >
      {theme === "dark" ? "☀" : "☾"}
    </Button>
  );
}
