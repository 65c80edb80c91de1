import { useEffect, useRef, useState } from "react";
import { Form, Link, useFetcher, useRevalidator, useSearchParams, useSubmit } from "react-router";

import { attempt, text, type Outcome } from "~/core/forms";
import { Button, buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Confirm } from "~/core/ui/confirm";
import { Field, Select } from "~/core/ui/field";
import { Empty, Message } from "~/core/ui/message";
import { TaskProgress } from "~/extensions/tasks/progress";
import type { ItemRead } from "~/client";

import type { Route } from "./+types/list";
import { completeAll, createItem, deleteItem, listItems, updateItem } from "./api";
import { filterOf, PAGE_SIZE, withPage } from "./filter";

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  const filter = filterOf(new URL(request.url).searchParams);
  return { filter, page: await listItems(filter) };
}

export async function clientAction({
  request,
}: Route.ClientActionArgs): Promise<Outcome & { taskId?: string }> {
  const form = await request.formData();
  const id = text(form, "id");
  switch (text(form, "intent")) {
    case "add":
      return attempt(() => createItem({ title: text(form, "title") }));
    case "check":
      return attempt(() => updateItem(id, { done: text(form, "done") === "true" }));
    case "delete":
      return attempt(() => deleteItem(id));
    default:
      return { done: true, taskId: (await completeAll()).task_id };
  }
}

export default function Items({ loaderData: { filter, page } }: Route.ComponentProps) {
  return (
    <div className="grid gap-4">
      <title>Items</title>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-2xl font-semibold">Items</h1>
        <CompleteAll />
      </div>
      <Add />
      <Filter filter={filter} />
      {page.items.length === 0 ? (
        <Empty>
          {filter.search || filter.done !== null
            ? "No item is like that."
            : "There are no items yet."}
        </Empty>
      ) : (
        <ul className="divide-y rounded-lg border" aria-label="Items">
          {page.items.map((item) => (
            <Row key={item.id} item={item} />
          ))}
        </ul>
      )}
      <Pages offset={filter.offset} total={page.total ?? 0} />
    </div>
  );
}

function Add() {
  const fetcher = useFetcher<typeof clientAction>();
  const form = useRef<HTMLFormElement>(null);
  const { data: outcome, state } = fetcher;
  useEffect(() => {
    if (state === "idle" && outcome?.done) form.current?.reset();
  }, [outcome, state]);
  const problem = outcome?.problem;
  return (
    <Card>
      <fetcher.Form method="post" ref={form} className="flex flex-wrap items-end gap-2">
        <input type="hidden" name="intent" value="add" />
        <Field
          label="New item"
          name="title"
          required
          maxLength={200}
          autoComplete="off"
          className="min-w-48 grow"
          error={problem?.fields.title ?? problem?.detail}
        />
        <Button type="submit" busy={state !== "idle"}>
          Add
        </Button>
      </fetcher.Form>
    </Card>
  );
}

function Filter({ filter }: { filter: ReturnType<typeof filterOf> }) {
  const submit = useSubmit();
  return (
    <Form
      role="search"
      className="flex flex-wrap items-end gap-2"
      onChange={(event) => {
        if (event.target instanceof HTMLSelectElement) void submit(event.currentTarget);
      }}
    >
      <Field
        label="Search"
        name="search"
        type="search"
        maxLength={100}
        defaultValue={filter.search}
        className="min-w-40 grow"
      />
      <Select
        label="Show"
        name="done"
        defaultValue={filter.done === null ? "" : String(filter.done)}
      >
        <option value="">All</option>
        <option value="false">Open</option>
        <option value="true">Done</option>
      </Select>
      <Select label="Order" name="sort" defaultValue={filter.sort}>
        <option value="newest">Newest first</option>
        <option value="oldest">Oldest first</option>
        <option value="title">By title</option>
      </Select>
      <Button type="submit" variant="outline">
        Search
      </Button>
    </Form>
  );
}

function Row({ item }: { item: ItemRead }) {
  const fetcher = useFetcher<typeof clientAction>();
  const sent = fetcher.formData;
  if (sent?.get("intent") === "delete") return null; // at once; it comes back if that fails
  const done = sent ? sent.get("done") === "true" : item.done;
  const change = (values: Record<string, string>) => {
    void fetcher.submit({ id: item.id, ...values }, { method: "post" });
  };
  return (
    <li className="flex items-center gap-3 p-3">
      <input
        type="checkbox"
        aria-label={`Done: ${item.title}`}
        className="size-5 shrink-0 accent-primary"
        checked={done}
        onChange={(event) => {
          change({ intent: "check", done: String(event.target.checked) });
        }}
      />
      <div className="min-w-0 grow">
        <Link to={`/items/${item.id}`} className="break-words underline-offset-4 hover:underline">
          {item.title}
        </Link>
        {fetcher.data?.problem && <Message error>{fetcher.data.problem.detail}</Message>}
      </div>
      <Confirm
        label={`Delete ${item.title}`}
        question={`Delete “${item.title}”? This cannot be undone.`}
        onConfirm={() => {
          change({ intent: "delete" });
        }}
      >
        Delete
      </Confirm>
    </li>
  );
}

function CompleteAll() {
  const fetcher = useFetcher<typeof clientAction>();
  const { revalidate } = useRevalidator();
  const [ended, setEnded] = useState<string>();
  const taskId = fetcher.data?.taskId;
  const runs = fetcher.state !== "idle" || (taskId !== undefined && taskId !== ended);
  return (
    <div className="flex flex-wrap items-center gap-2">
      {taskId && (
        <TaskProgress
          key={taskId}
          taskId={taskId}
          label="Completing all items"
          onEnd={() => {
            setEnded(taskId);
            void revalidate();
          }}
        />
      )}
      <fetcher.Form method="post">
        <Button type="submit" name="intent" value="complete-all" variant="outline" busy={runs}>
          Complete all
        </Button>
      </fetcher.Form>
    </div>
  );
}

function Pages({ offset, total }: { offset: number; total: number }) {
  const [params] = useSearchParams();
  const page = offset / PAGE_SIZE + 1;
  const last = Math.max(1, Math.ceil(total / PAGE_SIZE));
  if (last === 1 && page === 1) return null;
  return (
    <nav aria-label="Pages" className="flex items-center justify-center gap-4 text-sm">
      {page > 1 && (
        <Link
          to={withPage(params, page - 1)}
          className={buttonStyle({ variant: "outline", size: "small" })}
        >
          Previous
        </Link>
      )}
      <span>
        Page {page} of {last}
      </span>
      {page < last && (
        <Link
          to={withPage(params, page + 1)}
          className={buttonStyle({ variant: "outline", size: "small" })}
        >
          Next
        </Link>
      )}
    </nav>
  );
}
