package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// hold keeps a call without an answer until the test is over, or nobody waits.
func hold(t *testing.T) http.HandlerFunc {
	t.Helper()
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
}

// Whoever cancels a job once more, since nothing is heard of the first time, does it.
func TestAJobIsStoppedAgainThoughTheFirstHasNoAnswer(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	as := c.calls()
	job := as.print(as.file("long.gcode.3mf", sample.Seconds(36000)), demoP1)
	as.becomes(job.ID, grovecloud.Running)
	v := visit(t, f.URL)
	var sent atomic.Int32
	silent := hold(t)
	f.answer(fmt.Sprintf("/jobs/%d/cancel", job.ID), func(w http.ResponseWriter, r *http.Request) {
		if sent.Add(1) == 1 {
			silent(w, r)
			return
		}
		f.pass(w, r)
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.open(fmt.Sprintf("/jobs/%d", job.ID))
	for n := int32(1); n <= 2; n++ {
		v.click("Cancel the job")
		v.asks("Stop the print on Bench P1S?")
		v.click("Stop the print")
		until(t, "it is sent", func() bool { return sent.Load() == n })
		v.dialogs(0)
	}
	as.becomes(job.ID, grovecloud.Cancelled)
}

// The question about a job that waits is no question about a machine that runs.
func TestAJobThatBeganMeanwhileIsAskedAboutAnew(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	id := as.later(as.file("began.gcode.3mf", sample.Seconds(36000)), demoP1)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open(fmt.Sprintf("/jobs/%d", id))
	v.click("Cancel the job")
	v.asks("It will not be printed", "Keep the job")
	soon := time.Now().Add(-time.Second)
	if _, err := as.EditJob(t.Context(), id, cloudapi.JobEdit{NotBefore: &soon}); err != nil {
		t.Fatal(err)
	}
	as.becomes(id, grovecloud.Running)
	v.click("Cancel the job")
	v.asks("Stop the print on Bench P1S?", "The print is lost")
	if j, err := as.Job(t.Context(), id); err != nil || j.State != grovecloud.Running || j.Failure != "" {
		t.Errorf("before the answer the job is %s %s %v", j.State, j.Failure, err)
	}
	v.click("Stop the print")
	as.becomes(id, grovecloud.Cancelled)
}

// What was heated meanwhile is cooled, though the last time it was asked for is not
// answered; and what is set back and forth is set as it was asked for last.
func TestWhatIsAskedForLastIsSent(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	var mu sync.Mutex
	var got []string
	var silence atomic.Pointer[string] // what is not answered
	silent := hold(t)
	f.answer("/commands", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var m struct {
			Print struct{ Command, Param string }
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		mu.Lock()
		got = append(got, m.Print.Command+" "+m.Print.Param)
		mu.Unlock()
		if which := silence.Load(); which != nil && m.Print.Param == *which {
			silent(w, r)
			return
		}
		f.pass(w, r)
	})
	sent := func(want string, n int) {
		t.Helper()
		until(t, fmt.Sprintf("%q is sent %d times", want, n), func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })) == n
		})
	}
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S", "Ready")
	v.open(idle + "/temperatures")
	v.click("PLA")
	v.sees("Target 220 °C", "Target 55 °C")
	off := "0"
	silence.Store(&off)
	v.click("Cool down")
	sent("set_nozzle_temp 0", 1)
	v.click("PETG")
	v.sees("Target 245 °C")
	v.click("Cool down")
	sent("set_nozzle_temp 0", 2)
	v.click("Cool down") // of what is off nobody is told that it is under way
	sent("set_nozzle_temp 0", 3)

	v.open(idle)
	v.sees("Part fan")
	fast := "60"
	silence.Store(&fast)
	set := func(to string) {
		js[bool](v, fmt.Sprintf(`((e) => { e.value = %q; e.dispatchEvent(new Event("input", { bubbles: true })); e.dispatchEvent(new Event("change", { bubbles: true })); e.dispatchEvent(new Event("blur")); return true; })(document.querySelector("#fan-part_fan"))`, to))
	}
	set("60")
	sent("set_fan_speed 60", 1)
	set("30")
	sent("set_fan_speed 30", 1)
	set("60")
	sent("set_fan_speed 60", 2)
}

// Between two times that an account is locked it was let in: the answer to the first is
// none to the second.
func TestAnAccountIsLockedOnceMore(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	as := c.calls()
	as.guest("ann", grovecloud.Viewer, nil)
	v := visit(t, f.URL)
	v.excuse("status of 504")
	var asked atomic.Int32
	f.answer("/lock", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/lock") && asked.Add(1) == 1 {
			f.pass(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		f.pass(w, r)
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open("/admin/people")
	v.click("Lock out")
	v.asks("finish what they print")
	v.click("Lock out")
	v.sees("no answer")
	v.open("/admin/people")
	v.click("Let in again")
	v.asks("count again")
	v.click("Let in again")
	v.sees("ann is let in again")
	v.click("Lock out")
	v.asks("finish what they print")
	v.click("Lock out")
	v.sees("ann is locked out")
	until(t, "it is so", func() bool {
		all, err := as.Users(t.Context(), grovecloud.Page{Limit: 10})
		return err == nil && slices.ContainsFunc(all.Items, func(u grovecloud.User) bool { return u.Name == "ann" && !u.LockedAt.IsZero() })
	})
}

// What becomes of a stop that was meant for a print that is over is told from the first
// moment on, whatever the server takes to say what the printer is at.
func TestAStopThatWasRefusedIsNeverWithoutAWord(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("status of 409", "status of 503", "ERR_")
	silent := hold(t)
	var mute atomic.Bool
	f.answer("/printers/"+demoX1, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, demoX1) && mute.Load() {
			silent(w, r)
			return
		}
		f.pass(w, r)
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Printing")
	v.open("/printers/" + demoX1)
	v.sees("Layer", "benchy")
	f.retell(map[string]string{`"run":1,`: `"run":9,`, `"file_name":"benchy"`: `"file_name":"vasevs"`})
	v.sees("vasevs")
	v.click("Stop")
	v.asks("Stop the print on Workshop X1 Carbon?")
	mute.Store(true)
	v.click("Stop the print")
	v.sees("It is not known what Workshop X1 Carbon does now.")
	v.sees("The server does not answer.") // one look takes five seconds at most
	js[bool](v, `(document.querySelector('.note [aria-label="Close"]').click(), true)`)
	mute.Store(false)
	v.waits("it is gone for good", func(text string) bool { return !strings.Contains(text, "It is not known") })
	v.click("Library")
	v.sees("Cube for A1 mini")
	v.dialogs(0)
}

// A wall says that all is well only where that was heard, of starts nobody knows of too.
func TestAWallDoesNotKnowWhatItDidNotHear(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	if _, err := c.calls().ClearPlate(t.Context(), demoA1); err != nil {
		t.Fatal(err)
	}
	var deaf atomic.Bool
	deaf.Store(true)
	var asked atomic.Int32
	f.answer("/grove-service/jobs", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("state") == "unknown" && deaf.Load() {
			asked.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
			says(`{"code": 500, "message": "no", "details": {"reason": "database"}}`)(w, r)
			return
		}
		f.pass(w, r)
	})
	v := visit(t, f.URL)
	v.excuse("status of 500")
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open("/wall")
	v.sees("Bench P1S", "1 of 3 printing")
	until(t, "it was asked", func() bool { return asked.Load() > 0 })
	if text := v.text(); strings.Contains(text, "All is well") {
		t.Errorf("it shows\n%s", text)
	}
	deaf.Store(false)
	v.sees("All is well")
}

// The printer that was chosen says what keeps it as well, whenever the print shall be.
func TestWhatKeepsTheChosenPrinterIsSaidForLaterToo(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	file := c.calls().file("tower.gcode.3mf", sample.Model("N1"))
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open("/library/" + file)
	v.click("Print")
	v.sees("plate of Desk A1 mini is empty")
	v.click("Later")
	v.sees("then prints as soon as it can")
	if row := js[string](v, `document.querySelector(".printers-pick label.on").innerText`); !strings.Contains(row, "The printer's plate waits to be cleared.") {
		t.Errorf("the row says %q", row)
	}
}

// enter presses the key as keyboards do: what has used it hides its letter from whatever
// has the focus by then.
func (v *visitor) enter() {
	v.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{"rawKeyDown", "char", "keyUp"} {
		p := input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
		if kind == "char" {
			p.Text, p.UnmodifiedText = "\r", "\r"
		}
		if _, err := chromedp.Call(v.ctx, input.DispatchKeyEvent, p); err != nil {
			v.t.Fatal(err)
		}
	}
}

// Who goes elsewhere from what lies on the page, or proves who they are in it, is led on.
func TestTheFocusGoesWhereOneGoes(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("status of 403", "status of 409")
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	title := func(words string) {
		t.Helper()
		v.waits("the focus is on the title "+words, func(string) bool {
			return js[bool](v, fmt.Sprintf(`document.activeElement.tagName === "H1" && document.activeElement.textContent.includes(%q)`, words))
		})
	}
	js[bool](v, `(document.querySelector(".bell").focus(), true)`)
	v.palette()
	v.fill("Go anywhere", "api keys")
	v.enter()
	v.dialogs(0)
	title("Account")
	js[bool](v, `(document.querySelector(".bell").focus(), true)`)
	v.enter()
	v.sees("All activity")
	v.to("All activity")
	v.enter()
	title("Activity")

	var asked atomic.Int32
	f.answer("/grove-service/shares", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			f.pass(w, r)
		case asked.Add(1) == 1:
			w.WriteHeader(http.StatusForbidden)
			says(`{"code": 403, "message": "no", "details": {"cause": "unconfirmed", "reason": "prove that it is you"}}`)(w, r)
		default:
			w.WriteHeader(http.StatusConflict)
			says(`{"code": 409, "message": "no", "details": {"cause": "no", "reason": "no such guest"}}`)(w, r)
		}
	})
	v.open("/admin/sharing")
	v.click("Share a printer")
	v.presses("Share")
	v.asks("your password is asked for once more")
	v.fill("Password", demoPassword)
	v.presses("It is me")
	v.asks("No such guest")
	v.focused("Share")
}
