// Hands the session to the slicer that shows this page in a window of its own. Where
// there is none, the page does without this script.
"use strict";

(() => {
  // What stands behind # never reaches the server, and is wanted after the sign-in: links
  // that share a printer carry their token there.
  for (const form of document.forms) form.action += location.hash;

  const slicer = window.wx;
  if (!slicer || typeof slicer.postMessage !== "function") return;
  const tell = (message) => slicer.postMessage(JSON.stringify(message));

  const handover = document.getElementById("handover");
  if (handover) tell(JSON.parse(handover.dataset.message));

  // The slicer listens on this machine, once asked, for a browser that signed in.
  const browser = document.getElementById("browser");
  if (!browser) return;
  const asked = String(Date.now());
  browser.hidden = false;
  browser.addEventListener("click", () => tell({ command: "get_localhost_url", sequence_id: asked }));
  window.addEventListener("message", (event) => {
    let answer = event.data;
    try {
      if (typeof answer === "string") answer = JSON.parse(answer);
    } catch {
      return;
    }
    if (!answer || answer.command !== "get_localhost_url" || answer.sequence_id !== asked || !answer.response) return;
    const page = new URL("/sign-in", window.location.origin);
    page.searchParams.set("redirect_url", answer.response.base_url);
    tell({ command: "thirdparty_login", data: { url: page.href } });
  });
})();
