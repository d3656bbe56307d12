package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// hostile are names that are no names. Each ends with what tells that all of it is there.
var hostile = []string{
	strings.Repeat("W", 94) + "-end",
	"\u202etfel ot thgir \u2067\u05e9\u05dc\u05d5\u05dd\u2069 \u0645\u0631\u062d\u0628\u0627 turned",
	`"><script>window.had=1</script><img src=x onerror=window.had=1>&lt;b&gt; {{7*7}} {name} marked`,
	"\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f5a8\ufe0f e\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0324\u0325 face",
	"zero\u200bwidth\u2060\ufeff\u00adnothing",
	"line\nafter line\tand\u2028more lines",
}

// tries counts what the server takes of hostile names; what it refuses must be refused
// as wrong, and can be on no page.
type tries struct {
	t     testing.TB
	taken map[string]int
}

func (c *tries) that(what string, err error) bool {
	c.t.Helper()
	if err != nil && !errors.Is(err, grovecloud.Invalid) && !errors.Is(err, grovecloud.TooLarge) {
		c.t.Fatalf("%s: %v", what, err)
	}
	if err == nil {
		c.taken[what]++
	}
	return err == nil
}

// plant gives the names to all that can be named. Gives a file and a job that have one.
func (c *caller) plant(names ...string) (file string, job int64) {
	c.t.Helper()
	ctx, got := c.t.Context(), tries{c.t, map[string]int{}}
	printers := []string{demoX1, demoP1, demoA1}
	for i, name := range names {
		_, err := c.ChangePrinter(ctx, printers[i%3], cloudapi.PrinterEdit{Name: &name})
		got.that("printer", err)
		letters := []rune(name)
		tags := []string{string(letters[:min(len(letters), 38)]), "T" + strings.Repeat("W", 38)}
		_, err = c.ChangePrinter(ctx, printers[i%3], cloudapi.PrinterEdit{Tags: &tags})
		got.that("tag", err)
		_, err = c.CreateKey(ctx, cloudapi.KeyRequest{Name: name, Scopes: []grovecloud.Action{grovecloud.ReadPrinter}, AllPrinters: true})
		got.that("key", err)
		_, err = c.CreateWebhook(ctx, cloudapi.WebhookRequest{URL: "http://127.0.0.1:9/" + strings.Repeat("w", 180), Events: grovecloud.EventTypes(), Description: name})
		got.that("webhook", err)
		_, err = c.CreateBridge(ctx, name)
		got.that("bridge", err)
		got.that("account", c.ChangeProfile(ctx, cloudapi.ProfileChange{Username: &name}))
		id := c.file("plain.gcode.3mf", sample.Model("N1"), sample.Layers(3+i))
		label := name + ".gcode.3mf"
		_, err = c.ChangeFile(ctx, id, cloudapi.FileChange{Name: &label, Tags: &tags})
		if got.that("file", err) {
			file, job = id, c.print(id, demoA1).ID
		}
	}
	for serial, name := range map[string]string{demoX1: hostile[0], demoP1: hostile[1], demoA1: hostile[2]} {
		if _, err := c.ChangePrinter(ctx, serial, cloudapi.PrinterEdit{Name: &name}); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, what := range []string{"printer", "tag", "key", "webhook", "bridge", "account", "file"} {
		if got.taken[what] == 0 {
			c.t.Errorf("no hostile name was taken by any %s, so its pages were not tried", what)
		}
	}
	return file, job
}

// bounded fails when what a page shows is wider than the window, or reaches beyond what holds it.
func (v *visitor) bounded(what string) {
	v.t.Helper()
	for _, width := range []int64{390, 1280} {
		v.do(chromedp.EmulateViewport(width, 900))
		if over := js[int](v, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			v.t.Errorf("%s is %d pixels wider than the %d of the window: %s", what, over, width, js[string](v, `[...document.querySelectorAll("#app *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 6).map(e => e.tagName + "." + e.getAttribute("class")).join(" ")`))
		}
		if out := js[string](v, outside); out != "" {
			v.t.Errorf("%s at %d pixels: text reaches out of %s", what, width, out)
		}
		name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-", " ", "-").Replace(what), "-")
		v.picture(fmt.Sprintf("hostile-%s-%d", name, width))
	}
	if js[bool](v, `!!window.had`) {
		v.t.Errorf("%s did what a name said", what)
	}
}

// outside finds what reaches out of the panel, card, row or dialog that holds it, unless
// that is cut off or can be scrolled.
const outside = `[...document.querySelectorAll("dialog[open]")].filter((d) => d.scrollWidth > d.clientWidth || d.scrollLeft).map((d) => "a dialog that scrolls sideways by " + (d.scrollWidth - d.clientWidth)).concat(
[...document.querySelectorAll(".panel, .card, .entries > li, .sheet, .tile, .note, .counter, .state, button, .banner")].flatMap((box) => {
  const { left, right } = box.getBoundingClientRect();
  return [...box.querySelectorAll("*")].filter((e) => {
    if (!e.checkVisibility() || e.closest("svg") || !e.getClientRects().length) return false;
    for (let up = e.parentElement; up && up !== box.parentElement; up = up.parentElement) if (getComputedStyle(up).overflowX !== "visible") return false;
    const b = e.getBoundingClientRect();
    return b.width > 1 && (b.right > right + 2 || b.left < left - 2);
  }).map((e) => e.tagName + "." + e.getAttribute("class") + " of " + box.tagName + "." + box.className);
})).slice(0, 4).join(", ")`

// Names that are no names are text on every page, and leave its layout whole.
func TestHostileNamesLeaveEveryPageWhole(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo", "--limits", "off")
	cl := c.calls()
	email := cl.guest("ann", grovecloud.Operator, map[string]grovecloud.Role{demoX1: grovecloud.Viewer})
	other, err := client.New(client.Config{URL: c.base})
	if err == nil {
		_, err = other.Login(t.Context(), email, password)
	}
	if err == nil {
		err = other.ChangeProfile(t.Context(), cloudapi.ProfileChange{Username: &hostile[2]})
	}
	if err != nil {
		t.Fatal(err)
	}
	file, job := cl.plant(hostile...)
	v := visit(t, c.base)
	v.excuse("status of 404") // no camera yet
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	at := "/printers/" + demoA1
	for _, path := range []string{
		"/", "/wall", at, at + "/filament", at + "/health", at + "/details", at + "/share", "/library", "/library/" + file, "/queue", fmt.Sprintf("/jobs/%d", job), "/timeline",
		"/activity", "/activity?view=events", "/account", "/account/keys", "/account/sessions", "/admin/people", "/admin/sharing", "/admin/webhooks", "/admin/bridges", "/admin/audit", "/connect", "/welcome",
	} {
		v.open(path)
		v.settles(path)
		v.bounded(path)
	}
	v.open("/account/keys")
	v.sees("{{7*7}} {name} marked", "W-end", "face", "nothing")
	v.open("/")
	v.sees("{{7*7}} {name} marked")
	v.key("v")
	v.sees("Nozzle")
	v.bounded("list of printers")
	v.key("v")
	v.palette()
	v.bounded("palette")
	v.open("/library/" + file)
	v.click("Print")
	v.sees("Copies", "Not now")
	v.bounded("print dialog")
	v.open(fmt.Sprintf("/jobs/%d", job))
	v.click("Cancel the job")
	v.sees("It will not be printed")
	v.bounded("question")
	v.click("Cancel the job")
	v.sees("Cancelled")
	v.bounded("note")
	v.open("/history")
	v.sees("Cancelled")
	v.bounded("/history")
}

// A dialog holds whatever name it asks about.
func TestLongNamesLeaveEveryDialogWhole(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo", "--limits", "off")
	cl := c.calls()
	cl.guest("ann", grovecloud.Operator, map[string]grovecloud.Role{demoX1: grovecloud.Viewer})
	file, job := cl.plant(hostile[0], hostile[0], hostile[0])
	v := visit(t, c.base)
	v.excuse("status of 404") // no camera yet
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	const menu = "main .head .menu > button"
	x1, of := "/printers/"+demoX1, fmt.Sprintf("/jobs/%d", job)
	for _, d := range []struct {
		path  string
		steps []string // what leads to the dialog: names, and selectors where there is none
		says  string
	}{
		{x1, []string{"Stop"}, "W-end?"},
		{x1, []string{"Print on " + hostile[0]}, "W-end"},
		{x1, []string{menu, "Name and tags"}, "Save"},
		{x1, []string{menu, "Give to another account"}, "W-end"},
		{x1, []string{menu, "Remove this printer"}, "Remove WWW"},
		{x1 + "/share", []string{"Share this printer"}, "Share"},
		{x1 + "/share", []string{"End"}, "W-end"},
		{"/admin/sharing", []string{"Share a printer"}, "Share"},
		{"/library/" + file, []string{"Print"}, "Not now"},
		{"/library/" + file, []string{menu, "Rename"}, "Rename"},
		{"/library/" + file, []string{menu, "Change tags"}, "Tags"},
		{"/library/" + file, []string{menu, "Delete"}, "W-end"},
		{of, []string{"Edit"}, "W-end"},
		{of, []string{"Cancel the job"}, "W-end"},
		{of, []string{menu, "More of the same …"}, "W-end"},
		{"/admin/webhooks", []string{".entries .menu > button", "Edit"}, "Tell it of"},
		{"/admin/webhooks", []string{".entries .menu > button", "Delete"}, "wwww"},
		{"/admin/bridges", []string{"Remove"}, "W-end"},
		{"/account/keys", []string{"Revoke"}, "W-end"},
		{"/", []string{".nav .bell"}, "Notifications"},
	} {
		v.open(d.path)
		v.settles(d.path)
		for _, step := range d.steps {
			v.press(step)
		}
		v.asks(d.says)
		v.settles(d.path)
		v.bounded("dialog " + d.path + " " + d.steps[len(d.steps)-1])
	}
}

// press clicks what a selector finds, or what is called so.
func (v *visitor) press(what string) {
	v.t.Helper()
	if !strings.Contains(what, ".") {
		v.click(what)
		return
	}
	until(v.t, "there is "+what, func() bool {
		return js[bool](v, fmt.Sprintf(`(e => { if (!e) return false; setTimeout(() => e.click()); return true; })(document.querySelector(%q))`, what))
	})
}

// settles waits until all that the page loads is there.
func (v *visitor) settles(what string) {
	v.t.Helper()
	v.waits(what+" is there", func(string) bool {
		return js[bool](v, `document.readyState === "complete" && !!document.querySelector("h1") && !document.querySelector(".waiting, .spinner, .ghost")`)
	})
}
