package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile/sample"
	"github.com/grovecloud/grove/web"
)

// axe is the script that finds what shuts people out, where scripts/clients/install puts it.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(cache, "grove-clients", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("axe is not there: %v", err)
		}
		t.Skipf("run scripts/clients/install first: %v", err)
	}
	return string(script)
}

// walk is a way through pages, each looked at with axe in both themes, and as a phone
// shows it.
type walk struct {
	*visitor

	axe string
	as  string   // begins the names of pictures
	at  []string // the paths that were looked at, and those that their tabs lead to
	led map[string]bool
}

func walks(t *testing.T, base, as string) *walk {
	t.Helper()
	script := axe(t)
	return &walk{visitor: visit(t, base), axe: script, as: as, led: map[string]bool{}}
}

// settled waits until all that the page loads is there.
func (w *walk) settled(words string) {
	w.t.Helper()
	w.waits(fmt.Sprintf("all of %q is there", words), func(text string) bool {
		return strings.Contains(text, words) && js[bool](w.visitor, `document.readyState === "complete" && !document.querySelector(".waiting, .spinner") &&
[...document.images].every((i) => i.complete || i.loading === "lazy") && new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))`)
	})
}

// page opens a page and looks at it once it shows the words.
func (w *walk) page(path, words string) {
	w.t.Helper()
	w.open(path)
	w.settled(words)
	w.at = append(w.at, path)
	for _, to := range js[[]string](w.visitor, `[...document.querySelectorAll(".tabs a")].map((a) => a.pathname + a.search)`) {
		w.led[to] = true
	}
	name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(path), "-")
	if name == "" {
		name = "fleet"
	}
	w.look(name)
}

// pages looks at pages, each named by where it is below a path, and words that it shows.
func (w *walk) pages(below string, all [][2]string) {
	w.t.Helper()
	for _, one := range all {
		w.page(below+one[0], one[1])
	}
}

// check is what every page must be.
const check = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"], resultTypes: ["violations"] })
.then((found) => found.violations.flatMap((v) => v.nodes.map((n) => v.id + " at " + n.target.join(" ") + ": " + n.failureSummary + " " + n.html.slice(0, 200))))`

// wrong is what axe finds on the page as it is.
func (w *walk) wrong() []string {
	w.t.Helper()
	if !js[bool](w.visitor, "!!window.axe") {
		js[bool](w.visitor, w.axe+";true")
	}
	return js[[]string](w.visitor, check)
}

// unwritten finds what no sentence says, in all that a page shows and calls things by.
const unwritten = `[document.body.innerText, ...["aria-label", "title", "alt", "placeholder"].flatMap((a) => [...document.querySelectorAll("[" + a + "]")].map((e) => e.getAttribute(a)))]
.flatMap((text) => text.split("\n")).filter((line) => /\[object |\bundefined\b|\bNaN\b|Invalid Date/.test(line))`

// look looks at the page as it is.
func (w *walk) look(name string) {
	w.t.Helper()
	for _, line := range js[[]string](w.visitor, unwritten) {
		w.t.Errorf("%s says %q", name, line)
	}
	for _, theme := range []string{"light", "dark"} {
		w.scheme(theme)
		for _, wrong := range w.wrong() {
			w.t.Errorf("%s, %s: %s", name, theme, wrong)
		}
		w.picture(w.as + name + map[string]string{"dark": "-dark"}[theme])
	}
	w.scheme("light")
	w.do(chromedp.EmulateViewport(390, 844))
	w.picture(w.as + name + "-phone")
	w.waits(name+" is no wider than a phone", func(string) bool { // charts follow the window a moment later
		return js[int](w.visitor, `document.documentElement.scrollWidth`) <= 390
	})
	w.do(chromedp.EmulateViewport(1280, 900))
}

var routed = regexp.MustCompile(`(?m)^ {2}\["(/[^"]*)",`)

// complete fails for a page that the walk left out.
func (w *walk) complete() {
	w.t.Helper()
	script, err := web.Files.ReadFile("app/routes.js")
	if err != nil {
		w.t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(script), "const routes = [")
	list, _, _ = strings.Cut(list, "\n];")
	routes := routed.FindAllStringSubmatch(list, -1)
	if len(routes) < 15 {
		w.t.Fatalf("only %d routes were found", len(routes))
	}
	for _, route := range routes {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(route[1], "[^/]+") + "$")
		if !slices.ContainsFunc(w.at, pattern.MatchString) {
			w.t.Errorf("nobody looked at a page of %s", route[1])
		}
	}
	for to := range w.led {
		if !slices.Contains(w.at, to) {
			w.t.Errorf("nobody looked at %s, to which a tab leads", to)
		}
	}
}

// Every page works for those who can't see it, can't point, or see it on a phone.
func TestEveryPageIsForEverybody(t *testing.T) {
	t.Parallel()
	axe(t)
	c := serve(t, "--demo")
	as := c.calls()
	printed := as.print(as.file("bracket.gcode.3mf"), demoP1)
	as.print(as.file("tower.gcode.3mf", sample.Model("N1")), demoA1)
	as.print(as.file("later.gcode.3mf", sample.Model("BL-P001")), demoX1) // waits for what is printed there
	w := walks(t, c.base, "page-")
	w.page("/about", "Grove")
	w.page("/sign-in", "Send me a code instead")
	w.fill("E-mail address", demoEmail)
	w.click("I forgot my password")
	w.settled("New password")
	w.look("sign-in-forgotten")
	w.signIn(demoEmail, demoPassword)
	w.sees("Printers", "Ready")

	w.page("/", "Workshop X1 Carbon")
	w.pages(printing, [][2]string{
		{"", "Chamber light"},
		{"/camera", "Watch live"},
		{"/filament", "AMS"},
		{"/temperatures", "Show as a table"},
		{"/storage", "Storage"},
		{"/health", "Health"},
		{"/details", "Its reports, merged"},
		{"/share", "Sharing"},
		{"/overview", "Chamber light"},
	})
	w.pages("", [][2]string{
		{"/welcome", "Welcome"},
		{"/add", "Add printers"},
		{"/connect", "curl"},
		{"/wall", "Workshop X1 Carbon"},
		{"/library", "bracket.gcode.3mf"},
		{"/queue", "later.gcode.3mf"},
		{"/activity", "Activity"},
		{"/printers/NOBODY", "There is no such printer"},
		{"/account", "Profile"},
		{"/account/sign-in", "Authenticator app"},
		{"/account/sessions", "this one"},
		{"/account/keys", "No keys yet"},
		{"/account/letters", "Codes and letters"},
		{"/admin", "People"},
		{"/admin/people", "People"},
		{"/admin/sharing", "Sharing"},
		{"/admin/webhooks", "No webhooks yet"},
		{"/admin/bridges", "No bridges"},
		{"/admin/audit", "Audit log"},
		{"/admin/server", "Database"},
	})
	as.becomes(printed.ID, grovecloud.Finished)
	w.page("/activity?view=events", "bracket.gcode.3mf")
	w.page("/library/"+printed.FileID, "SHA-256")
	w.page(fmt.Sprintf("/jobs/%d", printed.ID), "What happened when")
	w.page("/history", "bracket.gcode.3mf")
	w.page("/timeline", "bracket.gcode.3mf")
	w.complete()

	w.open("/")
	w.settled("Workshop X1 Carbon")
	w.key("?")
	w.settled("Close what is open")
	w.look("keys")
	w.key(kb.Escape)
	w.click("Go anywhere")
	w.settled("Workshop X1 Carbon")
	w.look("palette")
	w.key(kb.Escape)
	w.click("Print on Desk A1 mini")
	w.settled("Print on Desk A1 mini")
	w.look("print-choose")
	w.click("tower.gcode.3mf")
	w.settled("Plate 1")
	w.look("print")
}

// A server that nobody lives on yet has pages of its own.
func TestAnEmptyHouseIsForEverybody(t *testing.T) {
	t.Parallel()
	axe(t)
	c := serve(t)
	w := walks(t, c.base, "empty-")
	w.page("/setup", "Setup code")
	w.moveIn(c)
	w.pages("", [][2]string{
		{"/welcome", "Welcome"}, {"/", "No printers yet"}, {"/library", "Library"}, {"/queue", "Queue"}, {"/history", "History"}, {"/timeline", "Timeline"}, {"/wall", ""}, {"/activity", "Activity"},
	})
	// What finds nothing must be able to.
	js[bool](w.visitor, `(document.querySelector("main h1").style.color = "#ccc", document.querySelector("main a, main button").replaceChildren(), true)`)
	if wrong := strings.Join(w.wrong(), "\n"); !strings.Contains(wrong, "color-contrast") || !strings.Contains(wrong, "-name") {
		t.Errorf("of a pale title and a link without a name only this was found: %q", wrong)
	}
}
