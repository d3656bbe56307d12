package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focused waits until the focus is on what is called so.
func (v *visitor) focused(name string) {
	v.t.Helper()
	v.waits(fmt.Sprintf("the focus is on %q", name), func(string) bool {
		return js[string](v, `(e => (e?.getAttribute("aria-label") || e?.textContent || "").trim())(document.activeElement)`) == name
	})
}

// presses goes to what is called so, and presses Enter on it.
func (v *visitor) presses(name string) {
	v.t.Helper()
	v.to(name)
	v.key(kb.Enter)
}

// to moves the focus to what has a name.
func (v *visitor) to(name string) {
	v.t.Helper()
	until(v.t, fmt.Sprintf("the focus can go to %q", name), func() bool {
		return js[bool](v, fmt.Sprintf(`(e => { e?.focus(); return !!e && document.activeElement === e; })(%s(%q))`, find, name))
	})
}

// dialogs waits until so many are open.
func (v *visitor) dialogs(n int) {
	v.t.Helper()
	v.waits(fmt.Sprintf("%d dialogs are open", n), func(string) bool { return js[int](v, `document.querySelectorAll("dialog[open]").length`) == n })
}

// Who works by keyboard is where they were once a dialog is over.
func TestADialogGivesBackTheFocus(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Printing")
	v.open("/printers/" + demoX1)
	v.sees("Layer", "benchy")
	for _, end := range []func(){
		func() { v.key(kb.Escape) },
		func() { v.presses("Keep printing") },
		func() { v.presses("Close") },
	} {
		v.presses("Stop")
		v.asks("Stop the print on Workshop X1 Carbon?")
		end()
		v.dialogs(0)
		v.focused("Stop")
	}
	v.presses("More about this printer")
	v.focused("Name and tags")
	v.key(kb.Enter)
	v.asks("Save")
	v.fill("Name", "Workshop")
	v.presses("Save")
	v.dialogs(0)
	v.focused("More about this printer")
	v.presses("More about this printer")
	v.focused("Name and tags")
	v.presses("Remove this printer")
	v.asks("Remove Workshop")
	v.key(kb.Escape)
	v.dialogs(0)
	v.focused("More about this printer")
}

// Back closes what lies on the page, and the page with it only once there is no such.
func TestBackClosesWhatLiesOnThePage(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Printing")
	v.goes("q", "/queue")
	v.click("Printers")
	v.click("Workshop X1 Carbon")
	v.sees("Layer", "benchy")
	at := func(want string) {
		t.Helper()
		v.waits("the page is "+want, func(string) bool {
			return js[bool](v, fmt.Sprintf(`location.pathname === %q && !history.state?.above`, want))
		})
	}
	back := func() {
		t.Helper()
		js[bool](v, `(history.back(), true)`)
	}
	v.click("Stop")
	v.asks("Stop the print on Workshop X1 Carbon?")
	v.palette()
	v.dialogs(2)
	back()
	v.dialogs(1)
	v.asks("Stop the print on Workshop X1 Carbon?")
	back()
	v.dialogs(0)
	at("/printers/" + demoX1)
	v.sees("Layer", "benchy")
	v.click("Stop")
	v.asks("Stop the print on Workshop X1 Carbon?")
	v.click("Keep printing")
	v.dialogs(0)
	at("/printers/" + demoX1)
	back()
	at("/")
	back()
	at("/queue")

	v.click("Printers")
	v.click("Workshop X1 Carbon")
	v.click("Stop")
	v.asks("Stop the print on Workshop X1 Carbon?")
	v.palette()
	v.dialogs(2)
	v.fill("Go anywhere", "api keys")
	v.key(kb.Enter)
	v.dialogs(0)
	at("/account/keys")
	v.sees("No keys yet")
	back()
	at("/printers/" + demoX1)
	js[bool](v, `(history.forward(), true)`)
	at("/account/keys")

	v.click("Make a key")
	v.fill("What is it for?", "Home")
	v.click("Make a key")
	v.sees("It is shown this once")
	back()
	back()
	v.waits("what is shown but once is there, and its page", func(text string) bool {
		return strings.Contains(text, "It is shown this once") && js[bool](v, `location.pathname === "/account/keys" && history.state?.above`)
	})
	v.do(chromedp.Reload())
	v.sees("Home")
	at("/account/keys")
	back()
	at("/printers/" + demoX1)
}
