import { useEffect, useRef, useState } from "react";
import { Form, useSearchParams } from "react-router";

import { documentsAskDocuments, documentsSearchDocuments, type Hit } from "~/client";
import { events } from "~/core/events";
import { Button } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Field } from "~/core/ui/field";
import { Empty, Message } from "~/core/ui/message";

import type { Route } from "./+types/search";

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const query = new URL(request.url).searchParams.get("query")?.trim() ?? "";
  const page = query ? await documentsSearchDocuments({ body: { query } }) : undefined;
  return { query, hits: page?.items };
}

export default function Search({ loaderData: { query, hits } }: Route.ComponentProps) {
  const [params] = useSearchParams();
  return (
    <div className="grid gap-4">
      <title>Search documents</title>
      <h1 className="text-2xl font-semibold">Search and ask</h1>
      <Form role="search" className="flex flex-wrap items-end gap-2">
        <Field
          label="Words or a question"
          name="query"
          type="search"
          defaultValue={query}
          required
          className="min-w-48 grow"
        />
        <Button type="submit">Search</Button>
      </Form>
      {query && <Answer key={params.get("query")} question={query} />}
      {hits?.length === 0 && <Empty>No document has something like that.</Empty>}
      {hits && hits.length > 0 && (
        <ol className="grid gap-3" aria-label="Passages">
          {hits.map((hit) => (
            <Passage key={hit.chunk_id} hit={hit} />
          ))}
        </ol>
      )}
    </div>
  );
}

function Passage({ hit, number }: { hit: Hit; number?: number }) {
  return (
    <li className="rounded-lg border p-3 text-sm">
      <p className="font-medium">
        {number !== undefined && `[${number}] `}
        {hit.document_name}
        {hit.page !== null && `, page ${hit.page}`}
      </p>
      <p className="line-clamp-4 text-muted-foreground">{hit.content}</p>
    </li>
  );
}

interface Answered {
  sources: Hit[];
  text: string;
  cited?: number[];
}

/** An answer of the language model, piece by piece, with the passages that it cites. */
function Answer({ question }: { question: string }) {
  const [answer, setAnswer] = useState<Answered>();
  const [error, setError] = useState<string>();
  const abort = useRef<AbortController>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const ask = async () => {
    const controller = (abort.current = new AbortController());
    let current: Answered = { sources: [], text: "" };
    setError(undefined);
    setAnswer(current);
    try {
      const stream = events<unknown>(
        (listening) => documentsAskDocuments({ body: { question }, ...listening }),
        controller.signal,
        1, // a second attempt would be a second question
      );
      for await (const { name, data } of stream) {
        if (name === "sources") current = { ...current, sources: data as Hit[] };
        else if (name === "text") current = { ...current, text: current.text + String(data) };
        else if (name === "done")
          current = { ...current, cited: (data as { cited: number[] }).cited };
        else setError((data as { detail: string }).detail);
        setAnswer(current);
      }
    } catch (reason) {
      if (!controller.signal.aborted)
        setError(reason instanceof Error ? reason.message : String(reason));
    }
  };

  if (!answer) {
    return (
      <Button variant="outline" className="justify-self-start" onClick={() => void ask()}>
        Answer from my documents
      </Button>
    );
  }
  return (
    <Card aria-label="Answer" aria-busy={!answer.cited && !error}>
      {error && <Message error>{error}</Message>}
      {!error && (
        <p aria-live="polite">{answer.text || (answer.cited ? "No source has an answer." : "…")}</p>
      )}
      {answer.cited && answer.cited.length > 0 && (
        <ol className="grid gap-2" aria-label="Sources">
          {answer.cited.map((number) => {
            const hit = answer.sources[number - 1];
            return hit && <Passage key={number} hit={hit} number={number} />;
          })}
        </ol>
      )}
    </Card>
  );
}
