import { redirect } from "react-router";

import { navigation } from "~/core/found";

/** The start page is the first one of the navigation. */
export function clientLoader() {
  throw redirect(navigation[0]?.to ?? "/account");
}

export default function Home() {
  return null;
}
