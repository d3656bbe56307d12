package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// cut are the tables of which a page shows less than there is, and what is wider than it.
const cut = `[
  ...[...document.querySelectorAll(".table")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => "a table of " + e.scrollWidth + " in " + e.clientWidth),
  ...(document.documentElement.scrollWidth > innerWidth ? ["a page of " + document.documentElement.scrollWidth + " in " + innerWidth] : []),
].join()`

// On a phone nothing is cut off at the side, on any page that has columns.
func TestOnAPhoneAllColumnsAreSeen(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	file := as.file("a bracket of which the name is rather long for a phone.gcode.3mf")
	job := as.print(file, demoP1)
	as.becomes(job.ID, grovecloud.Running, grovecloud.Finished)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	js[bool](v, `(["fleet", "library"].forEach((page) => localStorage.setItem(page + ".view", JSON.stringify("list"))), true)`)
	v.do(chromedp.EmulateViewport(390, 844))
	for _, p := range [][]string{
		{"/", "Bench P1S"},
		{"/library", "a bracket"},
		{"/library/" + file, "Job", "SHA-256"},
		{"/queue", "Queue"},
		{"/history", "Success", "Filament by material"},
		{"/timeline", "Timeline"},
		{fmt.Sprintf("/jobs/%d", job.ID), "What happened when", "Where the filament comes from"},
		{"/activity", "Activity"},
		{"/printers/" + demoX1 + "/temperatures", "Show as a table", "Nozzle target"},
		{"/printers/" + demoX1 + "/health", "modules"},
		{"/printers/" + demoX1 + "/filament", "Slot 4"},
		{"/admin/audit", "job.create"},
		{"/admin/people", "Demo"},
		{"/admin/webhooks", "Webhooks"},
		{"/admin/server", "SQLite"},
		{"/account", "Language"},
		{"/account/keys", "keys"},
		{"/account/sessions", "Sessions"},
	} {
		v.open(p[0])
		v.sees(p[1:]...)
		js[bool](v, `(document.querySelectorAll("main details").forEach((e) => (e.open = true)), true)`)
		v.scroll("narrow-"+strings.ReplaceAll(strings.Trim(p[0], "/"), "/", "-"), 2400)
		if wide := js[string](v, cut); wide != "" {
			t.Errorf("%s: %s", p[0], wide)
		}
	}
}

// A long name pushes no column out of sight, where there is room for all of them.
func TestALongNamePushesNoColumnOut(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	name := strings.Repeat("W", 38)
	if _, err := c.calls().ChangePrinter(t.Context(), demoX1, cloudapi.PrinterEdit{Name: &name}); err != nil {
		t.Fatal(err)
	}
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	js[bool](v, `(localStorage.setItem("fleet.view", JSON.stringify("list")), true)`)
	v.do(chromedp.EmulateViewport(1280, 900))
	for _, p := range [][]string{{"/", name, "Nozzle"}, {"/admin/audit", name, "Detail"}} {
		v.open(p[0])
		v.sees(p[1:]...)
		v.picture("long-" + strings.ReplaceAll(strings.Trim(p[0], "/"), "/", "-"))
		if wide := js[string](v, cut); wide != "" {
			t.Errorf("%s: %s", p[0], wide)
		}
	}
}

// On a phone the picture of a print is seen whole, and no note lies on what stops it.
func TestOnAPhoneAPrintIsSeenAndStopped(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	job := as.print(as.file("tower.gcode.3mf"), demoP1)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.do(chromedp.EmulateViewport(390, 844))
	v.open("/printers/" + demoP1)
	as.becomes(job.ID, grovecloud.Running)
	until(t, "the plate's picture is shown", func() bool { return js[bool](v, `!!document.querySelector(".now .cover img")`) })
	if !js[bool](v, `(() => {
  const img = document.querySelector(".now .cover img");
  const [a, b] = [img, img.parentElement].map((e) => e.getBoundingClientRect());
  return a.top >= b.top && a.bottom <= b.bottom + 1 && getComputedStyle(img).objectFit === "contain";
})()`) {
		t.Error("the picture is cut off")
	}
	v.click("Pause")
	v.sees("Pause done")
	v.picture("phone-note")
	if js[bool](v, `(() => {
  const [a, b] = [".notes", ".reach"].map((s) => document.querySelector(s).getBoundingClientRect());
  return a.bottom > b.top && a.top < b.bottom;
})()`) {
		t.Error("a note lies on Stop")
	}
}

// On a phone the way back stands beside the title, however long that is.
func TestTheWayBackStandsBesideTheTitle(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	file := as.file("a bracket of which the name is rather long for a phone.gcode.3mf")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.do(chromedp.EmulateViewport(390, 844))
	for _, p := range [][2]string{{"/connect", "Connect"}, {"/library/" + file, "SHA-256"}, {idle, "Part fan"}} {
		v.open(p[0])
		v.sees(p[1])
		v.picture("phone-title-" + strings.Split(p[0], "/")[1])
		if !js[bool](v, `(() => {
  const [a, b] = [".head a[aria-label]", ".head h1"].map((s) => document.querySelector(s).getBoundingClientRect());
  return a.right <= b.left && a.top < b.top + 20 && a.bottom > b.top;
})()`) {
			t.Errorf("%s: the way back is not beside the title", p[0])
		}
	}
}

// Many refusals leave a phone its page: the newest are shown, the others once they are asked for.
func TestManyNotesLeaveThePage(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("status of 4")
	f.answer("/commands", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusConflict)
		says(`{"code": 9, "message": "no", "details": {"cause": "no", "reason": "the printer takes commands only on its own network while its developer mode is off; switch that on at its screen"}}`)(w, r)
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.do(chromedp.EmulateViewport(390, 844))
	v.open(printing)
	v.sees("benchy", "Chamber light")
	shown := func(n int) {
		t.Helper()
		v.waits(fmt.Sprintf("%d notes are shown", n), func(string) bool { return js[int](v, `document.querySelectorAll(".note").length`) == n })
	}
	for _, act := range [][2]string{{"Chamber light", "Light off"}, {"Silent", "Speed Silent"}, {"Sport", "Speed Sport"}, {"Ludicrous", "Speed Ludicrous"}} {
		v.click(act[0])
		v.sees(act[1] + ": refused")
	}
	v.sees("3 more", "Speed Ludicrous: refused", "switch that on at its screen")
	shown(1)
	v.picture("phone-notes")
	if far := js[float64](v, `document.querySelector(".notes").getBoundingClientRect().bottom`); far > 844/3 {
		t.Errorf("notes cover %v of 844 pixels", far)
	}
	v.click("3 more")
	shown(4)
	v.picture("phone-notes-all")
	v.click("Show fewer")
	shown(1)
	v.click("Close all")
	shown(0)
}

// What the icons of the navigation do is said in words where there is room, and to those
// who hear the page anywhere.
func TestTheNavigationHasWordsForItsIcons(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Notifications", "Go anywhere", "Demo")
	v.dressed("nav")
	for _, width := range []int64{800, 390} {
		v.do(chromedp.EmulateViewport(width, 844))
		for _, name := range []string{"Go anywhere", "Demo"} {
			if !js[bool](v, fmt.Sprintf(`[...document.querySelectorAll(".nav-end button > span")].some((e) => e.textContent === %q && e.checkVisibility({ visibilityProperty: true }))`, name)) {
				t.Errorf("at a width of %d nothing is called %q", width, name)
			}
		}
		if seen := js[int](v, `[...document.querySelectorAll(".nav-end button > span")].filter((e) => e.getBoundingClientRect().width > 1).length`); seen > 0 {
			t.Errorf("at a width of %d there is no room for %d of the words", width, seen)
		}
	}
	v.click("Demo")
	v.click("Accept a share")
	v.sees("The link that the owner of the printer gave you.")
}

// The line that is offered for a terminal does what it says, once it has a key.
func TestTheLineForATerminalWorksWithAKey(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	key, err := c.calls().CreateKey(t.Context(), cloudapi.KeyRequest{Name: "terminal", Scopes: []grovecloud.Action{grovecloud.ReadPrinter}, AllPrinters: true})
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.open("/connect")
	const label = "In a terminal, with your key where API KEY stands:"
	v.sees(label, "Waiting for the first request")
	v.dressed("connect-curl")
	line := v.taken(label)
	if answer := runLine(t, strings.Replace(line, "API KEY", string(key.Secret), 1)); !strings.Contains(answer, demoP1) {
		t.Errorf("%s answers %s", line, answer)
	}
	v.sees("Connected: curl/", "over HTTP, from 127.0.0.1")
}
