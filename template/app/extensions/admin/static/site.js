// What SQLAdmin's own scripts send carries the token as well.
$.ajaxSetup({
  headers: { "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content },
});
