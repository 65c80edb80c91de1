import { Form, Link, redirect, useNavigation } from "react-router";

import { attempt, text } from "~/core/forms";
import { Button, buttonStyle } from "~/core/ui/button";
import { Card } from "~/core/ui/card";
import { Field, TextField } from "~/core/ui/field";
import { Message } from "~/core/ui/message";

import type { Route } from "./+types/edit";
import { readItem, updateItem } from "./api";

export async function clientLoader({ params }: Route.ClientLoaderArgs) {
  return { item: await readItem(params.itemId) };
}

export async function clientAction({ params, request }: Route.ClientActionArgs) {
  const form = await request.formData();
  const outcome = await attempt(() =>
    updateItem(params.itemId, {
      title: text(form, "title"),
      notes: text(form, "notes") || null,
      done: form.has("done"),
    }),
  );
  if (outcome.done) throw redirect("/items");
  return outcome;
}

export default function EditItem({ loaderData: { item }, actionData }: Route.ComponentProps) {
  const busy = useNavigation().state !== "idle";
  const problem = actionData?.problem;
  return (
    <div className="grid gap-4">
      <title>Change an item</title>
      <h1 className="text-2xl font-semibold">Change an item</h1>
      <Card>
        {problem && <Message error>{problem.detail}</Message>}
        <Form method="post" className="grid gap-4">
          <Field
            label="Title"
            name="title"
            required
            maxLength={200}
            defaultValue={item.title}
            error={problem?.fields.title}
          />
          <TextField
            label="Notes"
            name="notes"
            maxLength={10_000}
            defaultValue={item.notes ?? ""}
            error={problem?.fields.notes}
          />
          <label className="flex items-center gap-2">
            <input
              type="checkbox"
              name="done"
              className="size-5 accent-primary"
              defaultChecked={item.done}
            />
            Done
          </label>
          <div className="flex gap-2">
            <Button type="submit" busy={busy}>
              Save
            </Button>
            <Link to="/items" className={buttonStyle({ variant: "outline" })}>
              Cancel
            </Link>
          </div>
        </Form>
      </Card>
    </div>
  );
}
