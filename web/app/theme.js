// Runs before anything is drawn, so that no page flashes in the other theme. It is no
// module, since those wait.
document.documentElement.dataset.theme = "system";
try {
  document.documentElement.dataset.theme = JSON.parse(localStorage.getItem("theme")) || "system";
} catch {
  // Where nothing may be kept, the system says.
}
