// Follows a task: moves the bar, and loads the page again when the state has changed.
const section = document.getElementById("progress");
const bar = section.querySelector("progress");
const events = new EventSource(section.dataset.events);

events.addEventListener("message", (event) => {
  const task = JSON.parse(event.data);
  if (task.state !== section.dataset.state) {
    events.close();
    location.reload();
  } else if (task.progress_total) {
    bar.max = task.progress_total;
    bar.value = task.progress_done ?? 0;
  }
});
