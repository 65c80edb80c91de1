// Buttons of the overview. The header shows the server that the request comes from this page.
for (const button of document.querySelectorAll("button[data-path]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await fetch(button.dataset.path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-local-stripe": "1" },
      body: button.dataset.body,
    });
    if (!answer.ok) {
      alert((await answer.json()).error.message);
    }
    location.reload();
  });
}
