// Runs before anything is drawn, so that no page flashes in the other theme. It is no
// module, since those wait.
document.documentElement.dataset.theme = localStorage.getItem("theme") || "system";
