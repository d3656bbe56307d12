package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// ear is a script that lets a test speak into the page's stream (tell), knows what came
// by it (lives), and what the page asks for: how often (asked), how much at a time (most),
// and what it sent (sent). What matches holds is answered once released() was called, by
// the page's wish or against it; what matches fakes is answered with a picture then.
const ear = `
window.streams = []; window.lives = {}; window.asked = []; window.sent = []; window.under = {}; window.most = {}; window.holds = null; window.fakes = null; window.aborted = 0;
window.released = () => { const all = window.waiting || []; window.waiting = []; all.forEach((go) => go()); };
window.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    streams.push(this);
    this.addEventListener("fleet", (e) => JSON.parse(e.data).forEach((p) => { lives[p.serial] = p; }));
    this.addEventListener("printer", (e) => { const p = JSON.parse(e.data); lives[p.serial] = p; });
  }
};
window.tell = (type, data) => streams.at(-1).dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
const really = window.fetch;
window.fetch = async (to, how = {}) => {
  const path = String(to).split("?")[0];
  asked.push(String(to));
  sent.push({ method: how.method || "GET", path, body: how.body });
  under[path] = (under[path] || 0) + 1;
  most[path] = Math.max(most[path] || 0, under[path]);
  try {
    if (holds?.test(to)) {
      await new Promise((go) => (window.waiting ||= []).push(go));
      return await really(to, { ...how, signal: undefined });
    }
    if (fakes?.test(to)) {
      under.fakes = (under.fakes || 0) + 1;
      most.fakes = Math.max(most.fakes || 0, under.fakes);
      try {
        await new Promise((go, no) => {
          (window.waiting ||= []).push(go);
          how.signal?.addEventListener("abort", () => { aborted++; no(how.signal.reason); });
        });
      } finally {
        under.fakes--;
      }
      if (String(to).includes("/iot-service/")) return new Response(JSON.stringify({ url: "/fake/picture", expires_in: 60 }));
      return new Response(new Blob(['<svg xmlns="http://www.w3.org/2000/svg" width="16" height="9"/>'], { type: "image/svg+xml" }));
    }
    return await really(to, how);
  } finally {
    under[path]--;
  }
};
window.pictures = new Set();
const [make, drop] = [URL.createObjectURL, URL.revokeObjectURL];
URL.createObjectURL = (o) => { const url = make.call(URL, o); pictures.add(url); return url; };
URL.revokeObjectURL = (url) => { pictures.delete(url); drop.call(URL, url); };
`

// listens has the pages that are opened from now on begin with the ear.
func (v *visitor) listens() {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: ear}); err != nil {
		v.t.Fatal(err)
	}
}

// listening is a demo, and somebody who looks at it with the ear.
func listening(t *testing.T) (*cloud, *visitor) {
	t.Helper()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.listens()
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	return c, v
}

// invented are printers that are not there: like the demo's second one, but as change says,
// a script that is given p and its number i.
func (v *visitor) invented(n int, change string) {
	v.t.Helper()
	until(v.t, "the stream tells of the printers", func() bool { return js[bool](v, fmt.Sprintf("!!window.lives?.[%q]", demoP1)) })
	js[bool](v, fmt.Sprintf(`(() => {
  for (let i = 0; i < %d; i++) {
    const p = structuredClone(lives[%q]);
    p.serial = "X" + i; p.name = "Invented " + i;
    %s
    tell("printer", p);
  }
  return true;
})()`, n, demoP1, change))
}

func TestAPrinterThatSaysNothingIsShownSoAtOnce(t *testing.T) {
	t.Parallel()
	_, v := listening(t)
	v.invented(1, `p.shadow.state = "RUNNING"; p.shadow.layer = 3; p.online = p.connected = true; p.plate_clear = true;`)
	v.sees("Invented 0")
	const state = `document.querySelector('a[href="/printers/X0"]').closest(".card").querySelector(".state").innerText`
	if got := js[string](v, state); got != "Printing" {
		t.Errorf("while it reports it is %q", got)
	}
	v.invented(1, `p.shadow.state = "RUNNING"; p.shadow.layer = 3; p.online = p.connected = true; p.plate_clear = true; p.stale = true;`)
	until(t, "it is shown that nothing is heard of it", func() bool { return js[string](v, state) == "No recent data" })
	v.picture("stale")
	v.invented(1, `p.online = p.connected = true; p.plate_clear = true;`)
	until(t, "it is shown that it speaks again", func() bool { return js[string](v, state) == "Ready" })
}

func TestAnOlderAnswerIsNotShownAfterANewerOne(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	as.file("almond.gcode.3mf", sample.Model("N1"))
	as.file("alpha.gcode.3mf", sample.Model("N1"))
	v := visit(t, c.base)
	v.listens()
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.open("/library")
	v.sees("almond", "alpha")
	js[bool](v, `(window.holds = /search=al(&|$)/, true)`)
	v.fill("Search files", "al")
	until(t, "the files are asked for", func() bool { return js[bool](v, `(window.waiting || []).length > 0`) })
	v.fill("Search files", "alpha")
	v.waits("one file is shown", func(text string) bool { return !strings.Contains(text, "almond") && strings.Contains(text, "alpha") })
	js[bool](v, `(released(), true)`)
	until(t, "the older answer came", func() bool { return js[int](v, `under["/v1/grove-service/files"]`) == 0 })
	js[bool](v, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`)
	if text := v.text(); strings.Contains(text, "almond") {
		t.Errorf("the older answer is shown: %s", text)
	}
}

func TestABusyFarmStarvesNoListAndFloodsNoServer(t *testing.T) {
	t.Parallel()
	c, v := listening(t)
	v.open("/queue")
	v.sees("needs a person first")
	// Two hundred events in four seconds, and how often the line was asked for meanwhile.
	a := js[struct {
		Asked   int
		Seconds float64
	}](v, `new Promise((over) => {
  const line = () => asked.filter((a) => a.includes("state=queued")).length;
  const before = line();
  const began = performance.now();
  let i = 0;
  const timer = setInterval(() => {
    tell("event", { id: 1000 + i, type: "job.queued", timestamp: new Date().toISOString(), data: {} });
    if (++i < 200) return;
    clearInterval(timer);
    over({ Asked: line() - before, Seconds: (performance.now() - began) / 1000 });
  }, 20);
})`)
	if a.Asked < 2 || float64(a.Asked) > a.Seconds+3 {
		t.Errorf("the line was asked for %d times in %.1f s", a.Asked, a.Seconds)
	}
	as := c.calls()
	job := as.print(as.file("bracket.gcode.3mf", sample.Model("N1")), demoA1)
	v.sees("bracket.gcode.3mf")
	if _, err := as.CancelJob(t.Context(), job.ID); err != nil {
		t.Error(err)
	}
	v.waits("the job is gone", func(text string) bool { return !strings.Contains(text, "bracket.gcode.3mf") })
}

func TestWhatIsInSightIsFollowed(t *testing.T) {
	t.Parallel()
	_, v := listening(t)
	v.open("/queue")
	v.sees("needs a person first")
	v.invented(300, `p.shadow.state = "RUNNING"; p.online = p.connected = true;`)
	v.sees("Invented 299")
	const wish = `sent.filter((s) => s.method === "PUT" && s.path.includes("/live/")).map((s) => JSON.parse(s.body).watch)`
	until(t, "those at the top are followed", func() bool { return js[bool](v, wish+`.at(-1)?.includes("X1") ?? false`) })
	js[bool](v, `(scrollTo(0, document.body.scrollHeight), true)`)
	until(t, "those at the bottom are followed", func() bool { return js[bool](v, wish+`.at(-1).includes("X299")`) })
	if n := js[int](v, `Math.max(...`+wish+`.map((w) => w.length))`); n > 60 {
		t.Errorf("%d printers were followed at a time", n)
	}
	if js[bool](v, wish+`.at(-1).includes("X1")`) {
		t.Error("what is out of sight is followed")
	}
	v.still()
	if drawn, _ := v.touched(".jobrow", "Invented 299"); len(drawn) != 1 || drawn[0] != "Invented 299" {
		t.Errorf("one print was paused, and these rows were drawn anew: %q", drawn)
	}
}

func TestCamerasAreAskedAFewAtATimeAndOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	_, v := listening(t)
	v.do(chromedp.EmulateViewport(2000, 2400))
	v.click("View")
	v.click("Large, with camera")
	until(t, "the cameras of the demo are seen", func() bool { return js[int](v, `document.querySelectorAll(".card .camera img").length`) > 0 })
	js[bool](v, `(window.fakes = /device\/X|fake\/picture/, true)`)
	v.invented(40, `p.online = p.connected = true; p.camera = i % 4 !== 0; p.no_camera = i % 4 ? "" : "There is no camera.";`)
	v.sees("There is no camera.")
	until(t, "pictures are asked for", func() bool { return js[int](v, `under.fakes || 0`) > 0 })
	until(t, "there are pictures", func() bool {
		return js[int](v, `(released(), document.querySelectorAll(".card .camera img[src^=blob]").length)`) > 7
	})
	if n := js[int](v, `most.fakes`); n > 3 {
		t.Errorf("%d pictures were asked for at a time", n)
	}
	if js[bool](v, `asked.some((a) => /device\/X(0|4|8|12)\//.test(a))`) {
		t.Error("a picture was asked for where there is none")
	}
	until(t, "pictures are on their way", func() bool { return js[int](v, `under.fakes || 0`) > 0 })
	js[bool](v, `(window.aborted = 0, scrollTo(0, document.body.scrollHeight), true)`)
	until(t, "what went out of sight is given up", func() bool { return js[int](v, `window.aborted`) > 0 })
	v.click("Library")
	v.sees("Upload")
	until(t, "no picture is kept", func() bool { return js[bool](v, `(released(), pictures.size <= 1)`) }) // the icon of the tab
}

func TestTheTabShowsHowFarThePrintIs(t *testing.T) {
	t.Parallel()
	_, v := listening(t)
	title := func() string { return js[string](v, `document.title`) }
	until(t, "the title shows a percentage", func() bool { return strings.Contains(title(), "% · ") })
	const icon = `document.getElementById("icon").href`
	until(t, "the icon is drawn", func() bool { return strings.HasPrefix(js[string](v, icon), "blob:") })
	if side := js[int](v, `new Promise((done) => { const i = new Image(); i.onload = () => done(i.naturalWidth); i.onerror = () => done(0); i.src = `+icon+`; })`); side != 64 {
		t.Errorf("the icon is %d pixels wide", side)
	}
	// Nobody sees the page; the tab is all that is left of it.
	js[bool](v, `(Object.defineProperty(document, "hidden", { get: () => true }), document.dispatchEvent(new Event("visibilitychange")), true)`)
	before, drawn := title(), js[string](v, icon)
	until(t, "the tab goes on from "+before, func() bool { return title() != before && js[string](v, icon) != drawn })
}

func TestAPictureThatDoesNotComeLeavesItsPlace(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	as.file("bracket.gcode.3mf", sample.Model("N1"))
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.open("/library")
	v.sees("bracket")
	const face = `document.querySelector(".filecard .picture")`
	until(t, "there is a picture", func() bool { return js[bool](v, `!!`+face+`?.querySelector("img")`) })
	js[bool](v, face+`.querySelector("img").dispatchEvent(new Event("error"))`)
	until(t, "an icon is in its place", func() bool { return js[bool](v, `!!`+face+`.querySelector("svg") && !`+face+`.querySelector("img")`) })
	as.file("another.gcode.3mf", sample.Model("N1"))
	v.fill("Search files", "an")
	v.sees("another")
}

// Whoever looks at the queue sees what others make of it.
func TestAnotherWindowSeesTheNewOrderOfTheLine(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	file := as.file("bracket.gcode.3mf", sample.Model("N1"))
	as.print(as.file("anchor.gcode.3mf", sample.Model("N1")), demoA1)
	last := as.print(file, demoA1)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.open("/queue")
	v.sees("anchor", "bracket")
	order := func() string {
		return js[string](v, `[...document.querySelectorAll("[data-job] .name")].map((e) => e.innerText.split(".")[0]).join(" ")`)
	}
	if got := order(); got != "anchor bracket" {
		t.Fatalf("the line is %q", got)
	}
	if _, err := as.MoveJob(t.Context(), last.ID, grovecloud.LinePlace{To: "top"}); err != nil {
		t.Fatal(err)
	}
	until(t, "the page shows the new order", func() bool { return order() == "bracket anchor" })
	if _, err := as.EditJob(t.Context(), last.ID, cloudapi.JobEdit{Any: &grovecloud.Criteria{}}); err != nil {
		t.Fatal(err)
	}
	v.sees("Any printer that fits")
}
