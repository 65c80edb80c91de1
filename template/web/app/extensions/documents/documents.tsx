import { useState } from "react";
import { Link, useRevalidator } from "react-router";

import { documentsDeleteDocument, documentsListDocuments, type DocumentRead } from "~/client";
import { attempt, type Outcome } from "~/core/forms";
import { buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Confirm } from "~/core/ui/confirm";
import { Empty, Message } from "~/core/ui/message";
import { Progress } from "~/core/ui/progress";
import { TaskProgress } from "~/extensions/tasks/progress";

import type { Route } from "./+types/documents";
import { uploadDocument } from "./upload";

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const cursor = new URL(request.url).searchParams.get("cursor");
  return { page: await documentsListDocuments({ query: { cursor } }) };
}

export default function Documents({ loaderData: { page } }: Route.ComponentProps) {
  return (
    <div className="grid gap-4">
      <title>Documents</title>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-2xl font-semibold">Documents</h1>
        <Link to="/documents/search" className={buttonStyle({ variant: "outline" })}>
          Search and ask
        </Link>
      </div>
      <Upload />
      {page.items.length === 0 ? (
        <Empty>There are no documents yet.</Empty>
      ) : (
        <ul className="divide-y rounded-lg border" aria-label="Documents">
          {page.items.map((document) => (
            <Row key={document.id} document={document} />
          ))}
        </ul>
      )}
      {page.next_cursor && (
        <Link
          to={`?${new URLSearchParams({ cursor: page.next_cursor })}`}
          className={buttonStyle({ variant: "outline", className: "justify-self-center" })}
        >
          Older documents
        </Link>
      )}
    </div>
  );
}

function Upload() {
  const { revalidate } = useRevalidator();
  const [sent, setSent] = useState<{ done: number; total: number }>();
  const [outcome, setOutcome] = useState<Outcome>();

  const upload = async (file: File) => {
    setSent({ done: 0, total: file.size });
    try {
      setOutcome(
        await attempt(() =>
          uploadDocument(file, (done, total) => {
            setSent({ done, total });
          }),
        ),
      );
    } catch {
      setOutcome({
        done: false,
        problem: { detail: "The document could not be stored. Try again.", fields: {} },
      });
    }
    setSent(undefined);
    await revalidate();
  };

  return (
    <Card>
      <label className="grid gap-1.5">
        <span className="text-sm font-medium">
          Add a document (PDF, DOCX, HTML, Markdown or text)
        </span>
        <input
          type="file"
          accept=".pdf,.docx,.html,.md,.txt"
          disabled={sent !== undefined}
          className="text-sm file:mr-3 file:rounded-md file:border file:border-input file:bg-muted file:px-3 file:py-2 file:text-foreground"
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file) void upload(file);
          }}
        />
      </label>
      {sent && <Progress label="Bytes sent:" done={sent.done} total={sent.total} />}
      {outcome?.done && <Message>The document is stored and is being read.</Message>}
      {outcome?.problem && <Message error>{outcome.problem.detail}</Message>}
    </Card>
  );
}

function Row({ document }: { document: DocumentRead }) {
  const { revalidate } = useRevalidator();
  const [problem, setProblem] = useState<string>();
  const remove = async () => {
    const outcome = await attempt(() =>
      documentsDeleteDocument({ path: { document_id: document.id } }),
    );
    setProblem(outcome.problem?.detail);
    await revalidate();
  };
  return (
    <li className="flex items-center gap-3 p-3">
      <div className="grid min-w-0 grow gap-1">
        <span className="break-words">{document.name}</span>
        {document.state === "processing" && document.task_id ? (
          <TaskProgress taskId={document.task_id} label="Reading" onEnd={() => void revalidate()} />
        ) : (
          <span className="text-sm text-muted-foreground">{document.reason ?? document.state}</span>
        )}
        {problem && <Message error>{problem}</Message>}
      </div>
      <Confirm
        label={`Delete ${document.name}`}
        question={`Delete “${document.name}”? This cannot be undone.`}
        onConfirm={() => void remove()}
      >
        Delete
      </Confirm>
    </li>
  );
}
