// Creates a passkey, or signs in with one, when a form with `data-passkey` is sent: it gets the
// answer of the browser into its field `credential`. Without scripts such a form stays hidden.
const PARSERS = { create: "parseCreationOptionsFromJSON", get: "parseRequestOptionsFromJSON" };
const SENTENCES = {
  InvalidStateError: "This device has a passkey for this account already.",
  NotAllowedError: "No passkey was chosen in time. Try again, or choose another way.",
  SecurityError: "Passkeys do not work at this address of the site.",
};

async function ask(form) {
  const response = await fetch(form.dataset.options, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRF-Token": form.elements.csrf_token.value },
  });
  const found = await response.json();
  if (!response.ok) throw new Error(found.detail);
  const way = form.dataset.passkey;
  const publicKey = PublicKeyCredential[PARSERS[way]](found.options);
  const credential = await navigator.credentials[way]({ publicKey });
  form.elements.challenge.value = found.challenge;
  form.elements.credential.value = JSON.stringify(credential);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential?.[PARSERS[form.dataset.passkey]]) continue;
  const notice = form.querySelector("[data-notice]");
  const button = form.querySelector("button");
  const show = (text) => {
    notice.textContent = text;
    notice.className = text && "notice error-notice";
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    show("");
    try {
      await ask(form);
      form.submit();
    } catch (error) {
      show(SENTENCES[error.name] ?? error.message);
    } finally {
      button.disabled = false;
    }
  });
  form.hidden = false;
  document.querySelector("[data-no-passkey]")?.remove();
}
