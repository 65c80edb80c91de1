import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";

import { Field, Select, TextField } from "./field";

test.each([Field, TextField])("an error belongs to its field, after the hint", (Control) => {
  render(<Control label="Title" hint="In a few words." error="Too long." />);
  const field = screen.getByRole("textbox", { name: "Title" });
  expect(field.getAttribute("aria-invalid")).toBe("true");
  const ids = field.getAttribute("aria-describedby")?.split(" ") ?? [];
  const texts = ids.map((id) => document.getElementById(id)?.textContent);
  expect(texts).toEqual(["Too long.", "In a few words."]);
});

test("a correct field is not invalid", () => {
  render(<Field label="Title" />);
  const field = screen.getByLabelText("Title");
  expect(field.hasAttribute("aria-invalid")).toBe(false);
  expect(field.hasAttribute("aria-describedby")).toBe(false);
});

test("a hidden label is still read", () => {
  render(
    <Select label="Order" hideLabel>
      <option>Newest</option>
    </Select>,
  );
  expect(screen.getByRole("combobox", { name: "Order" })).toBeTruthy();
});
