package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/grovecloud/grove/printfile/sample"
)

// What a page shows goes on after a cut, with what happened meanwhile and without a reload.
func TestAPageGoesOnWhereTheServerWentAway(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Ready")
	v.open("/queue")
	v.sees("Is the plate empty?")
	js[bool](v, `(window.stayed = true)`)
	v.excuse("net::ERR", "Failed to load resource")
	c.stop()
	v.sees("The server does not answer", "may be old", "Is the plate empty?")
	v.dressed("cut")
	c.again()
	v.waits("the page says no more that it is cut off", func(text string) bool { return !strings.Contains(text, "does not answer") })

	as := c.calls()
	as.print(as.file("after the cut.gcode.3mf", sample.Model("N1")), demoA1)
	v.sees("after the cut.gcode.3mf") // an event
	v.click("Printers")
	v.sees("Workshop X1 Carbon", "Layer")
	layer := js[string](v, firstLayer)
	v.waits("what is printed goes on from "+layer, func(string) bool { now := js[string](v, firstLayer); return now != "" && now != layer })
	if !js[bool](v, `window.stayed === true`) {
		t.Error("the page was loaded anew")
	}
}

// firstLayer is how far the first print is that a page shows.
const firstLayer = `document.querySelector(".print .figures")?.innerText ?? ""`

// copied is what a button copies, wherever the browser would put it.
func (v *visitor) copied(button string) string {
	v.t.Helper()
	js[bool](v, `(window.clip = "", navigator.clipboard.writeText = async (text) => { window.clip = text; }, true)`)
	v.click(button)
	until(v.t, "something is copied", func() bool { return js[string](v, "window.clip") != "" })
	return js[string](v, "window.clip")
}

// What was done on the page can be done again from a terminal.
func TestWhatWasDoneIsCopiedForATerminal(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	token := string(c.calls().Token())
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.click("Workshop X1 Carbon")
	v.sees("Overview", "benchy")
	v.click("Pause")
	v.sees("Pause done", "Paused")
	pause := v.copied("Copy as curl")
	v.click("Resume")
	v.sees("Resume done", "Printing")
	if answer := runLine(t, "GROVE_TOKEN="+token+"; "+pause); !strings.Contains(answer, "accepted") {
		t.Errorf("%s answers %s", pause, answer)
	}
	v.sees("Paused")

	v.open("/printers/" + demoA1)
	v.click("Plate is empty")
	v.sees("The next print may start at once")
	v.click("Plate is empty")
	v.waits("the plate is known to be empty", func(text string) bool { return !strings.Contains(text, "Is the plate empty?") })
	v.sees("Plate counts as empty")
	line := v.copied("Copy as curl")
	if want := fmt.Sprintf("/printers/%s/plate-clear", demoA1); !strings.Contains(line, want) {
		t.Errorf("the line for a terminal is %s", line)
	}
	if answer := runLine(t, "GROVE_TOKEN="+token+"; "+line); !strings.Contains(answer, "Success") {
		t.Errorf("%s answers %s", line, answer)
	}
	if answer := runLine(t, "GROVE_TOKEN=wrong; "+line); !strings.Contains(answer, "TOKEN_INVALID") {
		t.Errorf("with a wrong token %s answers %s", line, answer)
	}
}
