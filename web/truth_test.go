package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// card is what the card of an invented printer shows.
func (v *visitor) card(n int) string {
	v.t.Helper()
	return js[string](v, fmt.Sprintf(`document.querySelector('.card a[href="/printers/X%d"]').closest(".card").innerText`, n))
}

// What a printer is called is what it is: nothing finished that never began, and who
// stopped a print has no failure to look at.
func TestStatesTellTheTruth(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.listens()
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.invented(7, `p.online = p.connected = true; p.plate_clear = false; p.auto_clear = false; p.gcode_state = ""; p.print_error = 0;
    p.shadow.print_error = 0; p.shadow.hms = [];
    const hms = (severity) => [{ code: "0700_2000_0002_0001", severity, module: "ams" }];
    Object.assign(p.shadow, [
      { state: "IDLE" },
      { state: "FINISH" },
      { state: "FAILED", print_error: 0x0500400e, hms: hms("serious") },
      { state: "FAILED", print_error: 0x03008004 },
      { state: "RUNNING", layer: 3, hms: hms("fatal") },
      { state: "PAUSE", layer: 3, hms: hms("fatal") },
      { state: "RUNNING", layer: 3, hms: hms("serious") },
    ][i]);`)
	v.sees("Invented 6")
	v.dressed("states")
	v.do(chromedp.EmulateViewport(1280, 2400))
	until(t, "all cards are drawn", func() bool { return js[bool](v, `!document.querySelector(".card.unseen")`) })
	v.picture("states-all")
	for n, want := range []struct{ said, unsaid string }{
		{said: "Check the plate\nNot printing\nIs the plate empty? Nothing starts before you confirm.", unsaid: "Finished"},
		{said: "Finished\nPrint over: is the plate empty?", unsaid: "Check"},
		{said: "Cancelled\nPrint over: is the plate empty?", unsaid: "Failed"},
		{said: "Failed\nPrint over: is the plate empty?", unsaid: "Cancelled"},
		{said: "Printing\nThe printer reports a fatal error", unsaid: "stopped"},
		{said: "Paused\nThe printer stopped with an error"},
		{said: "Printing\nThe printer reports a serious error", unsaid: "stopped"},
	} {
		got := v.card(n)
		for word := range strings.SplitSeq(want.said, "\n") {
			if !strings.Contains(got, word) {
				t.Errorf("the card of %d lacks %q:\n%s", n, word, got)
			}
		}
		if want.unsaid != "" && strings.Contains(got, want.unsaid) {
			t.Errorf("the card of %d says %q:\n%s", n, want.unsaid, got)
		}
	}
	for counter, want := range map[string]int{"failed": 1, "cancelled": 1, "plate to check": 1} {
		if got := v.shown(counter); got != want {
			t.Errorf("%d are counted as %s, want %d", got, counter, want)
		}
	}
	v.click("1 cancelled")
	v.sees("Invented 2")
	if shown := v.text(); strings.Contains(shown, "Invented 3") {
		t.Errorf("of the cancelled ones it shows:\n%s", shown)
	}
}

// Whoever needs a hand counts in the title of the tab, as on the page.
func TestTheTabCountsAllThatNeedAHand(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.listens()
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	counts := func(why string, n int) {
		t.Helper()
		want := fmt.Sprintf("(%d) ", n)
		until(t, fmt.Sprintf("with %s the title begins with %q: %s", why, want, js[string](v, `document.title`)), func() bool {
			return strings.HasPrefix(js[string](v, `document.title`), want) && v.shown("need attention") == n
		})
	}
	counts("one part on its plate", 1)
	v.invented(1, `p.online = p.connected = true; p.plate_clear = true; p.shadow.state = "RUNNING"; p.shadow.layer = 3; p.shadow.hms = [{ code: "0700_2000_0002_0001", severity: "serious", module: "ams" }];`)
	counts("a health message while it prints", 2)
	v.invented(1, `p.online = p.connected = false; p.plate_clear = true; p.shadow.state = "RUNNING"; p.shadow.layer = 3;`)
	counts("one that went while it printed", 2)
	v.invented(1, `p.online = p.connected = true; p.plate_clear = true;`)
	counts("nothing", 1)
	// An unknown start, of which the server tells this page alone.
	js[bool](v, `(() => {
  const really = window.fetch;
  window.fetch = (to, how) => String(to).includes("/jobs?state=") && String(to).includes("unknown")
    ? Promise.resolve(new Response(JSON.stringify({ success: true, data: [{ id: "1", state: "unknown", device_id: "X0" }], pagination: { total: 1 } })))
    : really(to, how);
  tell("event", { id: "1", type: "job.unknown", data: { device_id: "X0" } });
  return true;
})()`)
	counts("a start nobody knows of", 2)
}

// Who looks at a printer when it is removed is not told that the address is wrong.
func TestAPrinterThatIsRemovedIsSaidToBe(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open(idle)
	v.sees("Bench P1S", "Overview")
	v.excuse("status of 404") // its picture is gone with it
	if err := as.Unbind(t.Context(), demoP1); err != nil {
		t.Fatal(err)
	}
	v.sees("Bench P1S is no longer here for you", "It was here until just now.")
	v.dressed("printer-removed")
	v.open(idle)
	v.sees("There is no such printer")
}
