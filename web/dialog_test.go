package web_test

import (
	"fmt"
	"testing"

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
	until(v.t, fmt.Sprintf("the focus can go to %q", name), func() bool {
		return js[bool](v, fmt.Sprintf(`(e => { e?.focus(); return !!e && document.activeElement === e; })(%s(%q))`, find, name))
	})
	v.key(kb.Enter)
}

// alone waits until no dialog is open.
func (v *visitor) alone() {
	v.t.Helper()
	v.waits("no dialog is open", func(string) bool { return js[int](v, `document.querySelectorAll("dialog").length`) == 0 })
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
		func() { v.presses("Cancel") },
		func() { v.presses("Close") },
	} {
		v.presses("Stop")
		v.asks("Stop the print on Workshop X1 Carbon?")
		end()
		v.alone()
		v.focused("Stop")
	}
	v.presses("More about this printer")
	v.focused("Name and tags")
	v.key(kb.Enter)
	v.asks("Save")
	v.fill("Name", "Workshop")
	v.presses("Save")
	v.alone()
	v.focused("More about this printer")
	v.presses("More about this printer")
	v.presses("Remove this printer")
	v.asks("Remove Workshop?")
	v.key(kb.Escape)
	v.alone()
	v.focused("More about this printer")
}
