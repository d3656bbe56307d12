package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// farm has so many simulated printers come in, numbered from first, and waits for them.
func (v *visitor) farm(c *cloud, first, n int) {
	v.t.Helper()
	c.background("sim", "--printers", strconv.Itoa(n), "--first", strconv.Itoa(first), "--speed", "2")
	v.patience = 4 * time.Minute
	v.waits(fmt.Sprintf("there are %d printers", n), func(string) bool {
		return js[int](v, `Object.values(window.lives || {}).filter((p) => p.connected && p.complete).length`) >= first-1+n
	})
	v.patience = time.Minute
}

// Printers of one model are told apart by the ends of their names.
func TestTheEndsOfLongNamesAreSeen(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	c.loginDemo()
	c.background("sim", "--printers", "20", "--model", "X1 Carbon")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	whole := func(name, of string) {
		t.Helper()
		for _, width := range []int64{390, 1280} {
			v.do(chromedp.EmulateViewport(width, 900))
			if cut := js[[]string](v, fmt.Sprintf(`[...document.querySelectorAll(%q)].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText)`, of)); len(cut) > 0 {
				t.Errorf("%s, %d px wide: %q are cut", name, width, cut)
			}
		}
		v.dressed(name)
	}
	v.waits("all are there", func(string) bool { return js[int](v, `document.querySelectorAll(".card").length`) == 23 })
	for _, size := range []string{"Small", "Large, with camera", "Medium"} {
		v.click("View")
		v.click(size)
		whole("names-"+size[:1], ".card .title a")
	}
	v.open("/timeline")
	v.sees("X1 Carbon 20")
	whole("names-timeline", ".timeline .who")
}

// shown is how many the counter of a name shows.
func (v *visitor) shown(counter string) int {
	v.t.Helper()
	return js[int](v, fmt.Sprintf(`Number([...document.querySelectorAll(".counter")].find((e) => e.innerText.trim().endsWith(%q))?.querySelector("b").textContent ?? 0)`, counter))
}

// ann is the owner's account by the SDK.
func (c *cloud) ann() *caller {
	c.t.Helper()
	cl, err := client.New(client.Config{URL: c.base})
	if err == nil {
		_, err = cl.Login(c.t.Context(), "ann@example.org", password)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return &caller{Client: cl, t: c.t}
}

// running are the serials of the printers that print, as the page was told.
func (v *visitor) running() []string {
	v.t.Helper()
	return js[[]string](v, `Object.values(lives).filter((p) => p.shadow.state === "RUNNING").map((p) => p.serial).sort()`)
}

// prints has so many printers print, three of them paused.
func (v *visitor) prints(as *caller, n int) {
	v.t.Helper()
	file := as.file("lamp shade for the hall, second of three parts.gcode.3mf", sample.Layers(300), sample.Seconds(5400))
	if _, err := as.CreateJobs(v.t.Context(), cloudapi.JobRequest{Copies: n, JobWish: cloudapi.JobWish{FileID: file, Any: &grovecloud.Criteria{}}}); err != nil {
		v.t.Fatal(err)
	}
	until(v.t, "they print", func() bool { return len(v.running()) >= n })
	for _, serial := range v.running()[:3] {
		if _, err := as.Command(v.t.Context(), serial, json.RawMessage(`{"print":{"sequence_id":"0","command":"pause"}}`)); err != nil {
			v.t.Error(err)
		}
	}
	until(v.t, "three are paused", func() bool {
		return js[int](v, `Object.values(lives).filter((p) => p.shadow.state === "PAUSE").length`) == 3
	})
}

// rename gives a few printers names as people give them, of very different length.
func (v *visitor) rename(as *caller) {
	v.t.Helper()
	serials := js[[]string](v, `Object.keys(lives).sort()`)
	for i, name := range []string{"A", "Bambu Lab P1S on the upper shelf of the second room beside the window", "Druckerhöhlenbeleuchtungsprüfstand-17"} {
		if _, err := as.ChangePrinter(v.t.Context(), serials[i], cloudapi.PrinterEdit{Name: &name}); err != nil {
			v.t.Error(err)
		}
	}
	v.sees("Druckerhöhlenbeleuchtungsprüfstand-17")
}

// still cuts the page's stream without its notice, so that only the test speaks.
func (v *visitor) still() {
	v.t.Helper()
	v.excuse("/live/live_") // the server says that there is none when it is told what is in sight
	js[bool](v, `(window.EventSource = class extends EventTarget { close() {} }, streams.at(-1).close(), new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true)))))`)
}

// touched pauses one printer, and gives in which cards or rows, by the selector of them,
// anything was drawn anew, and how many milliseconds three frames took.
func (v *visitor) touched(of, name string) (drawn []string, ms float64) {
	v.t.Helper()
	type answer struct {
		Drawn []string
		Took  float64
	}
	a := js[answer](v, fmt.Sprintf(`new Promise((over) => {
  const drawn = new Set();
  const watch = new MutationObserver((all) => all.forEach((m) => {
    const one = (m.target.nodeType === 1 ? m.target : m.target.parentElement)?.closest(%q);
    if (one) drawn.add(one.querySelector('a[href^="/printers/"]').textContent);
  }));
  watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  const p = structuredClone(Object.values(lives).find((one) => one.name === %q));
  p.shadow.state = "PAUSE";
  const began = performance.now();
  tell("printer", p);
  requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => over({ Drawn: [...drawn], Took: performance.now() - began }))));
})`, of, name))
	return a.Drawn, a.Took
}

// scroll keeps a picture of all of the page, also of what lies below, where GROVE_PICTURES says.
func (v *visitor) scroll(name string, most int) {
	v.t.Helper()
	dir := os.Getenv("GROVE_PICTURES")
	if dir == "" {
		return
	}
	height := min(most, js[int](v, `document.documentElement.scrollHeight`))
	width := js[int](v, `innerWidth`)
	shot, err := chromedp.Call(v.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true), Clip: &page.Viewport{Width: float64(width), Height: float64(height), Scale: 1}})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o600)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// A farm of many printers is counted and searched rightly, and a printer that turns costs
// its own card, not all.
func TestAFarmIsShownWithoutDrawingItAnew(t *testing.T) {
	t.Parallel()
	c := serve(t, "--limits", "off")
	v := visit(t, c.base)
	v.excuse("no line for a terminal is offered for PATCH") // renamed behind the page
	v.listens()
	v.moveIn(c)
	c.run("login", "ann@example.org")
	as := c.ann()
	v.open("/")
	v.sees("No printers yet")
	v.dressed("farm-0")
	v.open("/wall")
	v.sees("No printers yet")
	v.picture("wall-0")
	v.open("/")
	had := 0
	for _, n := range []int{1, 3, 60, 500} {
		v.farm(c, had+1, n-had)
		had = n
		switch n {
		case 3:
			v.rename(as)
		case 60:
			v.prints(as, 45)
		}
		v.look(n)
	}
	v.scrolls()
	v.still()
	if all := v.shown("all"); all != 500 {
		t.Errorf("the counter of all shows %d", all)
	}
	printing := js[int](v, `Object.values(lives).filter((p) => ["RUNNING", "PREPARE"].includes(p.shadow.state)).length`)
	if got := v.shown("printing"); got != printing {
		t.Errorf("%d print, and the counter shows %d", printing, got)
	}
	name := js[string](v, `document.querySelector(".card.printing .title a, .card.preparing .title a").textContent`)
	cards, ms := v.touched(".card", name)
	if len(cards) != 1 || cards[0] != name {
		t.Errorf("%s turned, and these cards were drawn anew: %q", name, cards)
	}
	t.Logf("of 500 printers one turned: three frames took %.0f ms", ms)
	if paused, now := v.shown("paused"), v.shown("printing"); paused != 4 || now != printing-1 {
		t.Errorf("%d are shown as paused and %d as printing", paused, now)
	}
	v.fill("Search printers", "DRUCKERHÖHLEN")
	until(t, "only it is found", func() bool {
		return js[string](v, `[...document.querySelectorAll(".card .title a")].map((e) => e.textContent).join()`) == "Druckerhöhlenbeleuchtungsprüfstand-17"
	})
	if all := v.shown("all"); all != 1 {
		t.Errorf("the counter shows %d found", all)
	}
}

// scrolls goes down all of the fleet: the last card has all that the first one had, which
// keeps its place only, and the page does not change its height under the reader.
func (v *visitor) scrolls() {
	v.t.Helper()
	type page struct{ Before, After float64 }
	p := js[page](v, `(async () => {
  const frame = () => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
  const before = document.documentElement.scrollHeight;
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await frame();
  }
  scrollTo(0, document.documentElement.scrollHeight);
  await frame();
  return { Before: before, After: document.documentElement.scrollHeight };
})()`)
	if grown := p.After/p.Before - 1; grown > 0.05 || grown < -0.05 {
		v.t.Errorf("the page had %.0f pixels, and has %.0f after it was scrolled through", p.Before, p.After)
	}
	until(v.t, "the last card is drawn, and the first one rests", func() bool {
		return js[bool](v, `(all => !all[0].querySelector(".print") && !!all.at(-1).querySelector(".print"))([...document.querySelectorAll(".card")])`)
	})
	js[bool](v, `(scrollTo(0, 0), true)`)
}

// look takes pictures of the fleet and the wall.
func (v *visitor) look(n int) {
	v.t.Helper()
	if os.Getenv("GROVE_PICTURES") == "" {
		return
	}
	as := fmt.Sprintf("farm-%d", n)
	v.dressed(as)
	v.scroll(as+"-whole", 3000)
	v.do(chromedp.EmulateViewport(1920, 1080))
	v.picture(as + "-wide")
	v.open("/wall")
	v.sees("of", "printing")
	v.picture(fmt.Sprintf("wall-%d", n))
	v.theme("dark")
	v.picture(fmt.Sprintf("wall-%d-dark", n))
	v.theme("light")
	v.do(chromedp.EmulateViewport(1280, 900))
	v.open("/")
	v.sees("Printers")
	until(v.t, "the page is told of all", func() bool { return js[int](v, `Object.keys(window.lives || {}).length`) >= n })
}
