import { documentsAnnounceDocument, documentsCompleteDocument, type DocumentRead } from "~/client";
import { ApiError } from "~/core/problem";

// The API goes by the type, and browsers do not know the one of Markdown.
const TYPES: Record<string, string> = { md: "text/markdown", txt: "text/plain" };

/** Send a file to Storage, to the address that the API signs, and tell the API about it. */
export async function uploadDocument(
  file: File,
  onProgress: (done: number, total: number) => void,
): Promise<DocumentRead> {
  const ending = file.name.split(".").pop()?.toLowerCase() ?? "";
  const { document, upload } = await documentsAnnounceDocument({
    body: {
      name: file.name,
      media_type: file.type || (TYPES[ending] ?? "application/octet-stream"),
      size: file.size,
      sha256: await sha256(file),
    },
  });
  await put(upload.url, file, upload.content_type, onProgress);
  return documentsCompleteDocument({ path: { document_id: document.id } });
}

async function sha256(file: File): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `fetch` does not tell how much of a body is sent. */
function put(
  url: string,
  file: File,
  type: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => {
      reject(
        new ApiError({
          title: "Upload failed",
          status: request.status,
          detail: "The file could not be stored. Try again.",
          code: "upload_failed",
        }),
      );
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      onProgress(loaded, total);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) resolve();
      else fail();
    });
    request.addEventListener("error", fail);
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", type);
    request.send(file);
  });
}
