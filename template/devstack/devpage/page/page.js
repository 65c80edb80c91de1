// The development page. Everything that it shows is hostile text: it is written by `textContent` only.

const ROW = 34; // height of a row, as in page.css
const AROUND = 12; // rows above and below those that can be seen
const KEPT = 1000;
const MANY = 5; // as often the same statement is N+1
const find = (id) => document.getElementById(id);

const data = { requests: [], tasks: [], routes: [], settings: [], schedules: [], api_url: "", api_prefix: "", slow: 500, mails: "", files: null };
const state = { view: "requests", open: null, chosen: null, search: "", chip: {}, details: null, started: {} };
let shown = []; // the entries of the list that pass search and filter

// --- Elements -----------------------------------------------------------------------------------

function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const span = (text, cls) => make("span", { class: cls }, String(text ?? ""));
const tag = (text, kind = "") => span(text, `tag ${kind}`);

function ms(value) {
  if (value === null || value === undefined) return "";
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : value >= 10 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}
const clock = (at) => (at ? new Date(at * 1000).toLocaleTimeString([], { hour12: false }) : "");
const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes ?? 0} B`);
function until(at) {
  if (!at) return "not known yet";
  const seconds = Math.round(at - Date.now() / 1000);
  if (seconds < 0) return "due";
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 5400) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `in ${Math.round(seconds / 3600)} h`;
  return new Date(at * 1000).toLocaleString();
}
const statusKind = (status) => (status >= 500 ? "bad" : status >= 400 ? "warn" : status ? "good" : "info");
const STATES = { success: "good", failure: "bad", retry: "warn", started: "info", cancelled: "warn" };

// --- Views --------------------------------------------------------------------------------------

// The prefix of the API is in almost every path, so it is shown only where there is room.
function pathParts(path) {
  const prefix = data.api_prefix;
  return prefix && path.startsWith(`${prefix}/`) ? [span(prefix, "soft wide"), span(path.slice(prefix.length))] : [span(path)];
}
const isWebhook = (each) => Boolean(data.api_prefix) && each.path.startsWith(`${data.api_prefix}/webhooks/`);
const VIEWS = {
  requests: {
    title: "Requests",
    count: () => data.requests.length,
    columns: ["3.2rem minmax(6rem, 1fr) 2.9rem 4rem 8.8rem", "5rem 4.6rem"],
    narrow: "3.2rem minmax(4rem, 1fr) 2.9rem 4.2rem",
    head: [["Method"], ["Path"], ["Status"], ["Time", "right"], ["Did", "hide"], ["User", "wide"], ["At", "wide right"]],
    chips: { Errors: (each) => each.status >= 400, Slow: (each) => each.ms >= data.slow, "N+1": (each) => each.repeated >= MANY, Tasks: (each) => each.tasks > 0, Webhooks: isWebhook },
    text: (each) => `${each.method} ${each.path} ${each.query} ${each.status ?? ""} ${each.user ?? ""} ${each.request_id} ${each.error} ${each.function ?? ""}`,
    empty: "No request yet. Call the API, and it appears here.",
    row: (each) => [
      span(each.method, `method ${each.method}`),
      make("span", { class: "mono path", title: each.path }, make("bdi", { dir: "ltr" }, ...pathParts(each.path), each.query ? span(`?${each.query}`, "soft") : null)),
      make("span", {}, tag(each.status ?? "…", statusKind(each.status))),
      span(ms(each.ms), `right ${each.ms >= data.slow ? "late" : ""}`),
      make("span", { class: "tags hide" },
        each.repeated >= MANY ? tag(`N+1 ×${each.repeated}`, "warn") : each.sql ? tag(`${each.sql} SQL`) : null,
        each.error ? tag("error", "bad") : null,
        each.tasks ? tag(`${each.tasks} task${each.tasks > 1 ? "s" : ""}`, "info") : null,
        each.ms >= data.slow ? tag("slow", "warn") : null),
      span(each.user ? each.user.slice(-8) : "", "wide soft mono"),
      span(clock(each.at), "wide right soft"),
    ],
  },
  tasks: {
    title: "Tasks",
    count: () => data.tasks.filter((each) => !isCore(each)).length,
    columns: ["minmax(8rem, 1fr) 5.5rem 4.5rem 4rem", "minmax(5rem, 10rem) 4.6rem"],
    narrow: "minmax(4rem, 1fr) 5.2rem 4.2rem 2.5rem",
    head: [["Task"], ["State"], ["Time", "right"], ["Runs", "right"], ["Exception", "wide"], ["At", "wide right"]],
    chips: { Failed: (each) => ["failure", "retry"].includes(each.state), Waiting: (each) => ["pending", "sent", "started"].includes(each.state), "N+1": (each) => each.repeated >= MANY, "Of core": isCore },
    text: (each) => `${each.name} ${each.state} ${each.id} ${each.error}`,
    empty: "No task yet. Tasks of core, which run every few seconds, are behind “Of core”.",
    row: (each) => [
      make("span", { class: "mono" }, each.name, each.repeated >= MANY ? tag(` N+1 ×${each.repeated}`, "warn") : null),
      make("span", {}, tag(each.state, STATES[each.state])),
      span(ms(each.ms), "right"),
      span(each.attempts || "", "right soft"),
      span(each.error, "wide soft mono"),
      span(clock(each.at), "wide right soft"),
    ],
  },
  schedules: { title: "Schedules", count: () => data.schedules.length, plain: showSchedules },
  files: { title: "Files", plain: showFiles },
  routes: { title: "Routes", count: () => data.routes.length, plain: showRoutes },
  settings: { title: "Settings", count: () => data.settings.length, plain: showSettings },
};
const isList = () => !VIEWS[state.view].plain;

function isCore(task) {
  return task.name.startsWith("core.");
}

function table(head, rows) {
  const cells = (row) => row.map((cell, index) => {
    const shown = cell instanceof Element ? cell : make("td", {}, String(cell ?? ""));
    shown.dataset.label = head[index]; // for a phone, where a row is a block and the head is hidden
    return shown;
  });
  return make("table", {}, make("thead", {}, make("tr", {}, head.map((each) => make("th", { scope: "col" }, each)))), make("tbody", {}, rows.map((row) => make("tr", {}, cells(row)))));
}
const td = (cls, ...children) => make("td", { class: cls }, ...children);
const matches = (...texts) => texts.join(" ").toLowerCase().includes(state.search);

function showSchedules() {
  const rows = data.schedules.filter((each) => matches(each.name, each.task)).map((each) => {
    const { busy, text, task } = state.started[each.name] ?? {};
    const button = make("button", { type: "button", disabled: busy, "aria-label": `Run ${each.name} now`, onclick: () => runNow(each.name) }, "Run now");
    const said = task ? make("a", { href: `/tasks/${task}`, onclick: follow }, "enqueued") : text;
    return [td("mono", each.name), td("mono", each.task), td("tight", each.crontab ? span(each.crontab, "mono") : `every ${each.every} s`, each.crontab && each.timezone !== "UTC" ? ` ${each.timezone}` : null), td("tight", clock(each.last)), td("tight", until(each.next)), td("tight", button, " ", said)];
  });
  return [table(["Schedule", "Task", "When", "Last start", "Next run", ""], rows)];
}

// What was said is kept, because the table is drawn again while the task is being enqueued.
async function runNow(name) {
  const say = (said) => {
    state.started[name] = said;
    if (state.view === "schedules") drawPlain();
  };
  say({ busy: true, text: "starting …" });
  try {
    const answer = await fetch(`/data/schedules/${encodeURIComponent(name)}/run`, { method: "POST", headers: { "X-Devpage": "1" } });
    const body = await answer.json();
    say(answer.ok ? { task: body.task } : { text: body.error });
  } catch {
    say({ text: "not started: is `app dev` running?" });
  }
}

function showFiles() {
  if (data.files === null) {
    loadFiles();
    return [make("p", { class: "note" }, "loading …")];
  }
  const blocks = data.files.buckets.map((bucket) => {
    const rows = bucket.objects.filter((each) => matches(each.name)).map((each) => [td("mono", each.name), td("tight", size(each.size)), td("tight", each.type ?? ""), td("tight", each.at ? new Date(each.at).toLocaleString() : "")]);
    const about = `${bucket.name}, ${bucket.public ? "public" : "private"}${rows.length ? "" : ", empty"}`;
    return [make("p", { class: "note" }, about), rows.length ? table(["Object", "Size", "Type", "Changed"], rows) : null];
  });
  const note = data.files.note || (data.files.buckets.length ? "" : "No bucket yet.");
  return [note ? make("p", { class: "note" }, note) : null, ...blocks.flat()].filter(Boolean);
}

async function loadFiles() {
  try {
    data.files = await (await fetch("/data/files")).json();
  } catch {
    data.files = { buckets: [], note: "The development page does not answer." };
  }
  if (state.view === "files") drawPlain();
}

function showRoutes() {
  const rows = data.routes.filter((each) => matches(...each)).map(([methods, path, name, place]) => [td("tight", methods.split(",").map((each) => make("span", {}, span(each, `method ${each}`), " "))), td("mono", path), td("mono", name), td("mono", place)]);
  return [table(["Methods", "Path", "Function", "Place"], rows)];
}

function showSettings() {
  const kinds = { "app dev": "info", ".env": "good", environment: "warn" };
  const rows = data.settings.filter((each) => matches(each.name, each.value, each.source)).map((each) => [td("mono", each.name, span(each.help, "soft")), td("mono", each.value), td("tight", tag(each.source, kinds[each.source]))]);
  const settings = table(["Setting", "Value", "Source"], rows);
  settings.className = "fixed";
  return [settings];
}

// --- The list: only the rows that can be seen are in the document ----------------------------------

function select() {
  const view = VIEWS[state.view];
  const chip = view.chips[state.chip[state.view]];
  shown = data[state.view].filter((each) => {
    if (chip ? !chip(each) : state.view === "tasks" && isCore(each)) return false;
    return !state.search || view.text(each).toLowerCase().includes(state.search);
  });
}

function drawList() {
  const view = VIEWS[state.view];
  select();
  const isNarrow = matchMedia("(max-width: 36rem)").matches;
  const isShort = state.open !== null || matchMedia("(max-width: 62rem)").matches;
  const columns = isNarrow ? view.narrow : isShort ? view.columns[0] : view.columns.join(" ");
  find("split").style.setProperty("--columns", columns);
  find("head").replaceChildren(...view.head.map(([text, cls]) => span(text, cls)));
  find("space").style.height = `${shown.length * ROW}px`;
  find("empty").hidden = shown.length > 0;
  find("empty").textContent = data[state.view].length && (state.search || state.chip[state.view]) ? "Nothing matches." : view.empty;
  drawRows();
}

function drawRows() {
  const view = VIEWS[state.view];
  const scroll = find("scroll");
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - AROUND);
  const last = Math.min(shown.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + AROUND);
  const rows = shown.slice(first, last).map((each, index) =>
    make("div", { class: "row", role: "option", id: `row-${each.id}`, "aria-selected": String(each.id === state.chosen), "aria-posinset": first + index + 1, "aria-setsize": shown.length, onclick: () => open(each.id) }, view.row(each)));
  const list = find("rows");
  list.style.transform = `translateY(${first * ROW}px)`;
  list.replaceChildren(...rows);
  if (state.chosen) scroll.setAttribute("aria-activedescendant", `row-${state.chosen}`);
  else scroll.removeAttribute("aria-activedescendant");
}

function move(step) {
  if (!shown.length) return;
  const index = shown.findIndex((each) => each.id === state.chosen);
  const next = index < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, index + step));
  state.chosen = shown[next].id;
  const scroll = find("scroll");
  const top = next * ROW;
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  else if (top + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW - scroll.clientHeight;
  drawRows();
  if (state.open !== null) open(state.chosen);
}

// --- Details ------------------------------------------------------------------------------------

async function open(id, { push = true } = {}) {
  state.open = id;
  state.chosen = data[state.view].find((each) => each.id === id || each.request_id === id)?.id ?? id;
  if (push) history.pushState(null, "", `/${state.view}/${encodeURIComponent(id)}`);
  draw();
  await loadDetails();
}

async function loadDetails() {
  const [view, id] = [state.view, state.open];
  let details = null;
  try {
    const answer = await fetch(`/data/${view}/${encodeURIComponent(id)}`);
    if (answer.ok) details = await answer.json();
  } catch {
    // shown below as not found
  }
  if (state.open !== id || state.view !== view) return;
  state.details = details;
  if (details) {
    state.chosen = details.id;
    if (isList()) drawRows();
  }
  drawDetails();
}

function close() {
  state.open = state.details = null;
  history.pushState(null, "", `/${state.view}`);
  draw();
  find("scroll").focus();
}

function drawDetails() {
  const box = find("details");
  const at = box.scrollTop;
  const each = state.details;
  if (!each) {
    box.replaceChildren(make("div", { class: "top" }, make("h2", {}, "Not found", closeButton()), make("p", { class: "about" }, "It is older than the last 1,000, was cleared, or was made before `app dev` started.")));
    return;
  }
  box.replaceChildren(...(state.view === "requests" ? requestDetails(each) : taskDetails(each)));
  box.scrollTop = at;
}

const closeButton = () => make("button", { type: "button", class: "close", onclick: close, "aria-label": "Close" }, "Esc");
const about = (label, value) => (value === null || value === undefined || value === "" ? null : make("span", {}, `${label} `, make("b", {}, String(value))));

function copyButton(label, text) {
  const button = make("button", { type: "button", onclick: async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1200);
  } }, label);
  return button;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
function curl(each) {
  // The target is as it was sent: curl would resolve `..`, and read brackets and braces as patterns.
  const parts = ["curl"];
  if (/\/\./.test(each.target)) parts.push("--path-as-is");
  if (/[[\]{}]/.test(each.target)) parts.push("--globoff");
  if (each.method !== "GET") parts.push("-X", each.method);
  parts.push(quoted(`${data.api_url}${each.target}`));
  if (each.user) parts.push('-H "Authorization: Bearer $(uv run app token --quiet)"');
  if (["POST", "PUT", "PATCH"].includes(each.method)) parts.push("-H 'Content-Type: application/json'", "--data @body.json");
  return parts.join(" ");
}

function requestDetails(each) {
  return [
    make("div", { class: "top" },
      make("h2", {}, span(each.method, `method ${each.method}`), make("span", {}, each.path, each.query ? span(`?${each.query}`, "soft") : null), closeButton()),
      make("div", { class: "about" }, tag(each.status ?? "running", statusKind(each.status)), about("took", ms(each.ms)), about("SQL", each.sql ? `${each.sql} in ${ms(each.sql_ms)}` : ""), about("function", each.function), about("user", each.user), about("at", clock(each.at)), about("sent", each.size ? size(each.size) : ""), about("id", each.request_id), about("by", each.process)),
      make("div", { class: "buttons" }, copyButton("Copy as curl", curl(each)), copyButton("Copy address", `${location.origin}/requests/${each.request_id}`))),
    ...work(each),
    ...each.followed.map(taskBlock),
  ];
}

function taskDetails(each) {
  const origin = each.origin;
  const from = origin && origin.of === "requests" ? make("a", { href: `/requests/${origin.id}`, onclick: follow }, `${origin.method} ${origin.path}`) : origin ? make("a", { href: `/tasks/${origin.task_id}`, onclick: follow }, origin.name) : null;
  return [
    make("div", { class: "top" },
      make("h2", {}, each.name, closeButton()),
      make("div", { class: "about" }, tag(each.state, STATES[each.state]), about("took", ms(each.ms)), about("runs", each.attempts), about("at", clock(each.at)), about("due", each.due ? until(each.due) : ""), about("id", each.id), from ? make("span", {}, "enqueued by ", from) : null),
      make("div", { class: "buttons" }, copyButton("Copy address", `${location.origin}/tasks/${each.id}`))),
    ...each.runs.flatMap((run, index) => [make("p", { class: "note" }, each.runs.length > 1 ? `Run ${index + 1}, ${run.process}` : run.process), ...work(run), ...run.followed.map(taskBlock)]),
  ];
}

function taskBlock(task) {
  return make("div", { class: "block task" },
    make("h3", {}, make("a", { href: `/tasks/${task.id}`, onclick: follow, class: "mono" }, task.name), tag(task.state, STATES[task.state]), span([ms(task.ms), task.attempts > 1 ? `${task.attempts} runs` : ""].filter(Boolean).join(", "), "soft")),
    ...task.runs.flatMap((run) => [...work(run), ...run.followed.map(taskBlock), deeperNote(task, run)]));
}

// So that a chain of tasks that enqueue each other can be read: each address shows a part of it.
function deeperNote(task, run) {
  if (!run.deeper) return null;
  const link = make("a", { href: `/tasks/${task.id}`, onclick: follow }, `open ${task.name}`);
  return make("p", { class: "note" }, `It enqueued ${run.deeper} more task${run.deeper > 1 ? "s" : ""}. To see what followed, `, link, ".");
}

function block(title, about, items, cls = "") {
  return make("div", { class: `block ${cls}` }, make("h3", {}, title, span(about, "soft")), ...items);
}

function work(entry) {
  const of = (kind) => entry.items.filter((item) => item.kind === kind);
  const [errors, sql, redis, logs, events, mails] = ["error", "sql", "redis", "log", "event", "mail"].map(of);
  const blocks = errors.map(errorBlock);
  if (sql.length) blocks.push(block("SQL", `${entry.sql} statement${entry.sql === 1 ? "" : "s"}, ${ms(entry.sql_ms)}`, sqlItems(sql)));
  if (redis.length) blocks.push(block("Redis", `${redis.length}`, redis.map((item) => make("div", { class: "item" }, make("pre", {}, item.command), numbers(item)))));
  if (events.length) blocks.push(block("Events", `${events.length}`, events.map((item) => make("div", { class: "item" }, make("pre", {}, item.name), values(item.facts)))));
  if (mails.length) blocks.push(block("Mails", `${mails.length}`, mails.map((item) => make("div", { class: "item" }, make("span", {}, `${item.recipients} recipient${item.recipients === 1 ? "" : "s"}, ${size(item.bytes)} `, data.mails ? make("a", { href: data.mails }, "open the mails") : null), numbers(item)))));
  if (logs.length) blocks.push(block("Log", `${logs.length} line${logs.length === 1 ? "" : "s"}`, logs.map(logItem)));
  if (entry.left_out) blocks.push(make("p", { class: "note" }, `${entry.left_out} more are not kept.`));
  return blocks;
}

const values = (facts) => {
  const pairs = Object.entries(facts ?? {});
  return pairs.length ? make("div", { class: "values" }, pairs.map(([name, value]) => span(`${name} = ${value}`))) : null;
};
const numbers = (item, ...more) => make("span", { class: "numbers" }, ...more, item.rows === null || item.rows === undefined ? null : `${item.rows} row${item.rows === 1 ? "" : "s"}`, span(ms(item.ms)), item.error ? tag(item.error, "bad") : null);

const WORDS = /\b(SELECT|FROM|WHERE|AND|OR|INSERT INTO|VALUES|UPDATE|SET|DELETE|RETURNING|JOIN|LEFT|OUTER|INNER|ON|ORDER BY|GROUP BY|HAVING|LIMIT|OFFSET|WITH|AS|IN|IS|NOT|NULL|CONFLICT|DO|BEGIN|COMMIT|ROLLBACK|FOR|CASE|WHEN|THEN|ELSE|END)\b/g;
function coloured(sql) {
  const parts = [];
  let at = 0;
  for (const match of sql.matchAll(WORDS)) {
    parts.push(sql.slice(at, match.index), span(match[0], "word"));
    at = match.index + match[0].length;
  }
  return [...parts, sql.slice(at)];
}

// A statement that is repeated stands where it was first, with its repetitions below it.
function sqlItems(items) {
  const seen = new Set();
  return items.flatMap((item) => {
    if (item.times < MANY) return [sqlItem(item)];
    if (seen.has(item.sql)) return [];
    seen.add(item.sql);
    const same = items.filter((each) => each.sql === item.sql);
    const took = same.reduce((sum, each) => sum + (each.ms ?? 0), 0);
    const rows = same.reduce((sum, each) => sum + (each.rows ?? 0), 0);
    return [make("div", { class: "many" }, sqlItem({ ...item, parameters: {}, ms: took, rows }, tag(`N+1 ×${item.times}`, "warn")),
      make("details", {}, make("summary", {}, `${same.length} executions`), same.map((each) => make("div", { class: "item" }, values(each.parameters) ?? make("span"), numbers(each)))))];
  });
}

function sqlItem(item, mark = null) {
  return make("div", { class: "item" }, make("pre", {}, coloured(item.sql)), numbers({ ...item, error: "" }, mark), values(item.parameters), item.error ? make("div", { class: "values" }, tag(item.error, "bad")) : null);
}

function logItem(item) {
  const kind = { error: "bad", critical: "bad", warning: "warn", info: "info" }[item.level] ?? "";
  return make("div", { class: "item log" }, make("span", {}, tag(item.level, kind)), make("div", {}, make("pre", {}, item.text), values(item.fields)));
}

function errorBlock(item) {
  const own = item.frames.filter((frame) => frame.own);
  const frame = (each) => make("div", { class: `frame ${each.own ? "own" : ""}` }, make("b", {}, each.place), ` ${each.function}`, each.line ? make("code", {}, each.line) : null);
  return block(`${item.type} at ${item.place}`, "", [
    make("p", { class: "message" }, item.message, item.cause ? `\ncaused by ${item.cause}` : ""),
    ...own.slice(-3).map(frame),
    make("details", {}, make("summary", {}, `The whole traceback, ${item.frames.length} frames`), ...item.frames.map(frame)),
  ], "error");
}

// --- The page around it -------------------------------------------------------------------------

function draw() {
  const list = isList();
  drawMenu();
  find("scroll").hidden = find("head").hidden = !list;
  find("plain").hidden = list;
  find("split").classList.toggle("open", list && state.open !== null);
  find("details").hidden = !list || state.open === null;
  if (list) drawList();
  else {
    find("empty").hidden = true;
    drawPlain();
  }
}

const drawPlain = () => find("plain").replaceChildren(...VIEWS[state.view].plain());

function drawMenu() {
  const links = Object.entries(VIEWS).map(([name, view]) =>
    make("a", { href: `/${name}`, "aria-current": state.view === name ? "page" : undefined, onclick: follow }, view.title, view.count ? span(view.count()) : null));
  if (data.mails) links.push(make("a", { href: data.mails, target: "_blank", rel: "noopener" }, "Mails", span("↗")));
  find("views").replaceChildren(...links);
  const { chips } = VIEWS[state.view];
  find("chips").replaceChildren(...Object.keys(chips ?? {}).map((name) =>
    make("button", { type: "button", "aria-pressed": String(state.chip[state.view] === name), onclick: () => {
      state.chip[state.view] = state.chip[state.view] === name ? undefined : name;
      find("scroll").scrollTop = 0;
      draw();
    } }, name)));
}

function follow(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", event.currentTarget.getAttribute("href"));
  route();
}

function route() {
  const [view, id] = location.pathname.split("/").filter(Boolean);
  state.view = view in VIEWS ? view : "requests";
  document.title = `${VIEWS[state.view].title} – development`;
  state.details = null;
  if (state.view === "files") data.files = null;
  if (id && isList()) open(decodeURIComponent(id), { push: false });
  else {
    state.open = null;
    draw();
  }
  showPlace();
}

// On a phone, the menu is wider than the screen.
const showPlace = () => find("views").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

const KEYS = [["j", "k", "next, previous"], ["Enter", "open"], ["Esc", "close, or empty the search"], ["/", "search"], ["1", "6", "views"], ["c", "copy as curl"], ["?", "all keys"]];
const keyNames = (each) => each.slice(0, -1).flatMap((key, index) => [index ? (key === "6" ? " – " : " ") : "", make("kbd", {}, key)]);

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("dialog").open) return;
  const isTyping = event.target.matches("input");
  const isButton = event.target.matches("button, a, summary");
  if (event.key === "Escape") {
    if (state.search) setSearch("");
    else if (isTyping) event.target.blur();
    else if (state.open !== null) close();
    if (isTyping) find("scroll").focus();
    return;
  }
  if (event.key === "Enter" && isTyping) {
    find("scroll").focus();
    move(0);
    return;
  }
  if (isTyping) return;
  const actions = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
    Enter: () => !isButton && state.chosen && open(state.chosen),
    "/": () => find("search").focus(), "?": () => find("dialog").showModal(),
    c: () => state.details && state.view === "requests" && navigator.clipboard.writeText(curl(state.details)),
  };
  const name = Object.keys(VIEWS)[Number(event.key) - 1];
  const isInList = isList() || !["j", "k", "ArrowDown", "ArrowUp", "Enter"].includes(event.key);
  if (name) {
    history.pushState(null, "", `/${name}`);
    route();
  } else if (event.key in actions && isInList && !(isButton && event.key === "Enter")) {
    event.preventDefault();
    actions[event.key]();
  }
}

function setSearch(text) {
  find("search").value = text;
  state.search = text.trim().toLowerCase();
  find("scroll").scrollTop = 0;
  draw();
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

// --- Data ---------------------------------------------------------------------------------------

async function load() {
  Object.assign(data, await (await fetch("/data")).json());
  draw();
  showPlace();
  if (state.open !== null) await loadDetails();
}

function put(kind, each) {
  const list = data[kind];
  const index = list.findIndex((known) => known.id === each.id);
  if (index >= 0) list[index] = each;
  else list.unshift(each);
  if (kind === "requests" && list.length > KEPT) list.length = KEPT;
  if (list.length > 2 * KEPT) list.length = KEPT; // tasks: those of core are counted apart
}

let reloading = 0;
function onChanges(event) {
  let hasFacts = false;
  let isOpen = false;
  for (const [kind, each] of JSON.parse(event.data)) {
    if (kind === "requests" || kind === "tasks") put(kind, each);
    if (kind === "facts") hasFacts = true;
    // The details also show the tasks that a request enqueued, so any change of a task may matter.
    isOpen ||= state.details && (each.id === state.details.id || each.of === "runs" || (kind === "tasks" && !isCore(each)));
  }
  if (hasFacts) load();
  else if (isList()) {
    drawMenu();
    drawList();
  } else drawMenu();
  if (isOpen && !hasFacts) {
    clearTimeout(reloading);
    reloading = setTimeout(() => state.open !== null && loadDetails(), 150);
  }
}

function connect() {
  const source = new EventSource("/data/live");
  const say = (isLive, text) => {
    find("live").classList.toggle("on", isLive);
    find("live").title = find("state").textContent = text;
  };
  // Also after a lost connection, and when another tab has cleared: all is in the history.
  source.addEventListener("hello", () => {
    say(true, "live");
    load();
  });
  source.addEventListener("changes", onChanges);
  source.addEventListener("error", () => say(false, "not connected, trying again"));
}

find("keys").append(...KEYS.map((each) => make("span", {}, ...keyNames(each), ` ${each.at(-1)}`)));
find("dialog-keys").append(...KEYS.flatMap((each) => [make("dt", {}, ...keyNames(each)), make("dd", {}, each.at(-1))]));
find("search").addEventListener("input", (event) => setSearch(event.target.value));
find("help").addEventListener("click", () => find("dialog").showModal());
find("clear").addEventListener("click", async () => {
  await fetch("/data", { method: "DELETE", headers: { "X-Devpage": "1" } });
  if (state.open !== null) close();
  await load();
});
find("theme").addEventListener("click", () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark";
  localStorage.setItem("theme", isDark ? "light" : "dark");
  setTheme(isDark ? "light" : "dark");
});
find("scroll").addEventListener("scroll", () => requestAnimationFrame(() => isList() && drawRows()));
addEventListener("resize", () => draw());
addEventListener("popstate", route);
addEventListener("keydown", onKey);
setInterval(() => state.view === "schedules" && !find("plain").contains(document.activeElement) && refreshSchedules(), 5000);
async function refreshSchedules() {
  try {
    data.schedules = (await (await fetch("/data")).json()).schedules;
    drawPlain();
  } catch {
    // the state says that there is no connection
  }
}
setTheme(localStorage.getItem("theme"));
route();
connect();
