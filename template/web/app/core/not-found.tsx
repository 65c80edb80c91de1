import { ErrorPage } from "~/core/error-page";
import { ApiError } from "~/core/problem";

const MISSING = new ApiError({
  title: "Not found",
  status: 404,
  detail: "There is no such page.",
  code: "page_not_found",
});

/** Every path that no route has. */
export default function NotFound() {
  return <ErrorPage error={MISSING} />;
}
