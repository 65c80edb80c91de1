import { useEffect, useState } from "react";
import { useLocation, useRevalidator } from "react-router";

import type { OrganizationRead } from "~/client";
import { Select } from "~/core/ui/field";

import { chooseOrganization, currentOrganization, organizations } from "./current";

/** Chooses the organization whose data the pages show. */
export function Header() {
  const [all, setAll] = useState<OrganizationRead[]>([]);
  const [current, setCurrent] = useState("");
  const { revalidate } = useRevalidator();
  const { pathname } = useLocation(); // the list may be another one after a visit of `/join`

  useEffect(() => {
    let isLeft = false;
    const load = async () => {
      const slug = await currentOrganization();
      const found = await organizations();
      if (isLeft) return;
      setAll(found);
      setCurrent(found.some((each) => each.slug === slug) ? slug : await currentOrganization());
    };
    // Without the list, there is nothing to choose; the page shows why the API does not answer.
    load().catch(() => undefined);
    return () => {
      isLeft = true;
    };
  }, [pathname]);

  if (all.length < 2) return null;
  return (
    <Select
      label="Organization"
      hideLabel
      value={current}
      onChange={(event) => {
        chooseOrganization(event.target.value);
        setCurrent(event.target.value);
        void revalidate();
      }}
    >
      {all.map((each) => (
        <option key={each.id} value={each.slug}>
          {each.name}
        </option>
      ))}
    </Select>
  );
}
