import { useEffect, useState } from "react";
import { useRevalidator } from "react-router";

import type { OrganizationRead } from "~/client";
import { Select } from "~/core/ui/field";

import { chooseOrganization, currentOrganization, onChoice, organizations } from "./current";

/** Chooses the organization whose data the pages show. */
export function Header() {
  const [all, setAll] = useState<OrganizationRead[]>([]);
  const [current, setCurrent] = useState("");
  const { revalidate } = useRevalidator();

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
    const reload = () => void load().catch(() => undefined);
    reload();
    const end = onChoice(reload);
    return () => {
      isLeft = true;
      end();
    };
  }, []);

  if (all.length < 2) return null;
  return (
    <Select
      label="Organization"
      hideLabel
      className="max-w-48"
      value={current}
      onChange={(event) => {
        setCurrent(event.target.value);
        void chooseOrganization(event.target.value).then(revalidate);
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
