import { isRouteErrorResponse, Link, useRevalidator } from "react-router";

import { problemCards } from "~/core/found";
import { ApiError } from "~/core/problem";
import { Button, buttonStyle } from "~/core/ui/button";

/** What went wrong, with the id under which the server's logs have it. */
export function ErrorPage({ error }: { error: unknown }) {
  const revalidator = useRevalidator();
  const problem = error instanceof ApiError ? error.problem : undefined;
  const Card = problem && problemCards[problem.code];
  if (Card) return <Card detail={problem.detail} />;
  const isMissing =
    problem?.status === 404 || (isRouteErrorResponse(error) && error.status === 404);
  const title = isMissing ? "Not found" : "Something went wrong";
  const fallback = isMissing ? "There is no such page." : "An unexpected error has happened.";
  return (
    <div role="alert" className="mx-auto grid max-w-md gap-4 py-16">
      <title>{title}</title>
      <h1 className="text-2xl font-semibold">{title}</h1>
      <p>{problem?.detail ?? fallback}</p>
      {problem && (
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 text-sm text-muted-foreground">
          <dt>Code</dt>
          <dd className="break-all">{problem.code}</dd>
          {problem.request_id && (
            <>
              <dt>Request</dt>
              <dd className="break-all">{problem.request_id}</dd>
            </>
          )}
        </dl>
      )}
      <div className="flex gap-2">
        {!isMissing && (
          <Button
            busy={revalidator.state === "loading"}
            onClick={() => void revalidator.revalidate()}
          >
            Try again
          </Button>
        )}
        <Link to="/" className={buttonStyle({ variant: "outline" })}>
          To the start
        </Link>
      </div>
    </div>
  );
}
