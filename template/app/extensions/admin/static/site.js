// Adds the CSRF token to the requests of SQLAdmin's scripts.
$.ajaxSetup({
  headers: { "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content },
});
