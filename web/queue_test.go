package web_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// Two of the printers of every demo: one is idle, on the other a part lies.
const (
	demoP1 = "01P00D000000002"
	demoA1 = "03000D000000003"
)

// caller is the demo's account by the SDK, to hold the page against the API.
type caller struct {
	*client.Client

	t testing.TB
}

func (c *cloud) calls() *caller {
	c.t.Helper()
	cl, err := client.New(client.Config{URL: c.base})
	if err == nil {
		_, err = cl.Login(c.t.Context(), demoEmail, demoPassword)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return &caller{Client: cl, t: c.t}
}

// file uploads a cube under a name and gives its id.
func (c *caller) file(name string, options ...sample.Option) string {
	c.t.Helper()
	content := sample.ThreeMF(append([]sample.Option{sample.Layers(3)}, options...)...)
	f, err := c.Upload(c.t.Context(), client.Upload{Name: name, Size: int64(len(content)), Body: bytes.NewReader(content)})
	if err != nil {
		c.t.Fatal(err)
	}
	return f.FileID
}

// print makes a job of a file on one printer, or on any where serial is empty.
func (c *caller) print(file, serial string) grovecloud.Job {
	c.t.Helper()
	in := cloudapi.JobRequest{DeviceID: serial, JobWish: cloudapi.JobWish{FileID: file}}
	if serial == "" {
		in.Any = &grovecloud.Criteria{}
	}
	var made []grovecloud.Job
	until(c.t, "the job is taken", func() (taken bool) { // a printer may not be there yet
		var err error
		made, err = c.CreateJobs(c.t.Context(), in)
		return err == nil
	})
	return made[0]
}

// line are the names of the files that wait, in their order.
func (c *caller) line() string {
	c.t.Helper()
	list, err := c.Jobs(c.t.Context(), grovecloud.JobQuery{States: []grovecloud.JobState{grovecloud.Queued}, Line: true}, grovecloud.Page{Limit: 100})
	if err != nil {
		c.t.Fatal(err)
	}
	var names []string
	for _, j := range list.Items {
		names = append(names, strings.TrimSuffix(j.FileName, ".gcode.3mf"))
	}
	return strings.Join(names, " ")
}

// becomes waits until a job is in one of the states.
func (c *caller) becomes(id int64, states ...grovecloud.JobState) (j grovecloud.Job) {
	c.t.Helper()
	until(c.t, fmt.Sprintf("job %d is %s", id, states), func() bool {
		var err error
		j, err = c.Job(c.t.Context(), id)
		return err == nil && slices.Contains(states, j.State)
	})
	return j
}

func TestAPlateThatIsConfirmedInTheQueueLetsTheNextJobBegin(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/queue")
	v.sees("needs a person first", "Desk A1 mini", "Is the plate empty?")
	job := as.print(as.file("bracket.gcode.3mf", sample.Model("N1")), demoA1)
	other := as.print(as.file("tower of many parts that has a name so long that no row can hold it whole.gcode.3mf", sample.Model("N1")), "")
	v.sees("bracket.gcode.3mf", "Waits until somebody confirms that the plate is empty", "1 job waits for that", "Any printer that fits")
	v.click("Which printers fit?")
	v.sees("Bench P1S", "Sliced for A1 mini, and this is P1S.", "is before it in the line")
	v.dressed("queue")
	v.click("Plate is empty")
	v.sees("The next print may start at once")
	v.click("Plate is empty")
	as.becomes(job.ID, grovecloud.Sending, grovecloud.Accepted, grovecloud.Running, grovecloud.Finished)
	v.sees("Now")
	v.picture("queue-now")
	v.click("bracket.gcode.3mf")
	v.sees("What happened when", "Start sent", "Desk A1 mini")
	v.dressed("job")
	v.open(fmt.Sprintf("/jobs/%d", other.ID))
	v.click("Cancel the job")
	v.sees("It will not be printed")
	v.click("Cancel the job")
	v.sees("Cancelled")
	as.becomes(other.ID, grovecloud.Cancelled)
}

func TestAnEmptyQueueLeadsToTheLibrary(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/queue")
	v.sees("Begun at the printer or by another program", "Workshop X1 Carbon")
	v.click("Stop")
	v.sees("The print is lost")
	v.click("Stop the print")
	v.click("Plate is empty")
	v.sees("The next print may start at once")
	v.click("Plate is empty")
	v.sees("Nothing prints and nothing waits", "Print from the library")
	v.dressed("queue-empty")
}

// handle is where the handle of a row lies, and how tall its row is.
func (v *visitor) handle(name string) (x, y, tall float64) {
	v.t.Helper()
	at := js[[]float64](v, fmt.Sprintf(`(row => { row.scrollIntoView({ block: "center" }); const g = row.querySelector(".grip").getBoundingClientRect();
return [g.x + g.width / 2, g.y + g.height / 2, row.getBoundingClientRect().height]; })([...document.querySelectorAll(".jobrow")].find(r => r.textContent.includes(%q)))`, name))
	return at[0], at[1], at[2]
}

func TestTheQueueIsOrderedByKeysByMouseAndByTouch(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	for _, name := range []string{"one", "two", "three", "four"} { // behind a plate that nobody clears
		as.print(as.file(name+".gcode.3mf", sample.Model("N1")), demoA1)
	}
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/queue")
	v.sees("one.gcode.3mf", "four.gcode.3mf", "After 3 others")
	line := func(want string) {
		t.Helper()
		until(t, "the line is "+want+", not "+as.line(), func() bool { return as.line() == want })
		v.waits("the page shows "+want, func(string) bool {
			return js[string](v, `[...document.querySelectorAll(".line .name")].map(e => e.textContent.replace(".gcode.3mf", "")).join(" ")`) == want
		})
	}
	line("one two three four")

	js[bool](v, `(document.querySelector('[aria-label^="Move three"]').focus(), true)`)
	v.key(kb.ArrowUp)
	line("one three two four")
	v.waits("the new place is said", func(string) bool {
		return strings.Contains(js[string](v, `document.querySelector(".notes[aria-live=polite]").textContent`), "three.gcode.3mf is now 2 of 4")
	})
	v.key(kb.End) // the focus went along
	line("one two four three")
	v.click("Actions for four.gcode.3mf")
	v.click("Move to the top")
	line("four one two three")

	x, y, tall := v.handle("four")
	v.do(chromedp.DragAndDropXY(x, y, x, y+2.2*tall))
	line("one two four three")

	x, y, tall = v.handle("three")
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		t.Helper()
		p := input.DispatchTouchEventParams{Type: kind, TouchPoints: append([]*input.TouchPoint{}, points...)}
		if _, err := chromedp.Call(v.ctx, input.DispatchTouchEvent, p); err != nil {
			t.Fatal(err)
		}
	}
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: x, Y: y})
	for step := 1.0; step <= 8; step++ {
		touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: x, Y: y - step/8*3.2*tall})
	}
	v.picture("queue-drag")
	touch(input.DispatchTouchEventTypeTouchEnd)
	line("three one two four")
}

func TestAStartThatNobodyKnowsOfIsAnswered(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	login := c.command("login", demoEmail)
	login.Env = append(login.Env, "GROVE_PASSWORD="+demoPassword)
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// It says nothing of a start for minutes; meanwhile the server goes down.
	c.background("sim", "--model", "P1S", "--speed", "60", "--fault", "accept_delay_seconds=200")
	as := c.calls()
	serial := ""
	until(t, "the simulated printer is there", func() bool {
		list, err := as.Printers(t.Context(), grovecloud.Page{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Items {
			if p.Connected && !strings.Contains(p.Serial, "D0000") {
				serial = p.Serial
			}
		}
		return serial != ""
	})
	if _, err := as.ClearPlate(t.Context(), serial); err != nil {
		t.Fatal(err)
	}
	file := as.file("gear.gcode.3mf")
	job := as.print(file, serial)
	as.becomes(job.ID, grovecloud.Sending)
	next := as.print(file, serial)
	c.again()
	as = c.calls()
	as.becomes(job.ID, grovecloud.Unknown)

	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/queue")
	v.sees("Start uncertain", "gear.gcode.3mf", "Go to the printer and look:", "It is printing", "It never began", "It has finished")
	v.dressed("queue-unknown")
	v.click("It never began")
	v.sees("The job ends as failed")
	v.picture("queue-unknown-sure")
	v.click("It never began")
	if got := as.becomes(job.ID, grovecloud.Failed); got.Failure != "not_started" {
		t.Errorf("the job failed as %q, want not_started", got.Failure)
	}
	v.waits("nothing is unknown any more", func(text string) bool { return !strings.Contains(text, "Start uncertain") })
	as.becomes(next.ID, grovecloud.Queued, grovecloud.Claimed, grovecloud.Uploading, grovecloud.Ready, grovecloud.Sending)
	v.open(fmt.Sprintf("/jobs/%d", job.ID))
	v.sees("Failed", "It never began.")
	v.dressed("job-failed")
}

func TestAWaitingJobIsEdited(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	job := as.print(as.file("plates.gcode.3mf", sample.Model("N1"), sample.Plates(2)), demoA1)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/queue")
	v.click("Actions for plates.gcode.3mf")
	v.click("Edit")
	v.sees("Edit plates.gcode.3mf", "When")
	js[bool](v, `(document.querySelectorAll("dialog input[name=plate]")[1].click(), true)`)
	js[bool](v, `(document.querySelector("dialog .anyone input").click(), true)`)
	v.click("Later")
	v.fill("Not before", "2031-01-01T06:00")
	v.excuse("status of 400")
	v.click("Save")
	v.sees("not_before is 2031") // farther ahead than a job may be
	v.picture("queue-edit")
	v.click("As soon as it can")
	v.click("Timelapse")
	v.click("Save")
	v.waits("it is closed", func(text string) bool { return !strings.Contains(text, "Edit plates.gcode.3mf") })
	v.sees("Which printers fit?", "Plate 2")
	got := as.becomes(job.ID, grovecloud.Queued)
	if got.Plate != 2 || got.Any == nil || got.Serial != "" || !got.Options.Timelapse {
		t.Errorf("the job became %+v", got)
	}
	v.click("Actions for plates.gcode.3mf")
	v.click("More of the same …")
	v.fill("Copies", "2")
	v.click("Add to the queue")
	v.sees("3 wait")
	if line := as.line(); line != "plates plates plates" {
		t.Errorf("the line is %q", line)
	}
}

func TestWhatWasPrintedIsCountedExportedAndPrintedAgain(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	done := as.print(as.file("hook.gcode.3mf"), demoP1)
	cancelled := as.print(as.file("vase.gcode.3mf", sample.Model("N1")), demoA1)
	if _, err := as.CancelJob(t.Context(), cancelled.ID); err != nil {
		t.Fatal(err)
	}
	as.becomes(done.ID, grovecloud.Finished)

	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/history")
	figures, err := as.JobFigures(t.Context(), grovecloud.JobQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if figures.Finished != 1 || figures.Cancelled != 1 || len(figures.Materials) != 1 {
		t.Fatalf("figures: %+v", figures)
	}
	m := figures.Materials[0]
	v.sees("hook.gcode.3mf", "vase.gcode.3mf", "100 %", "1 of 1 that ran to an end", fmt.Sprintf("%.1f g", figures.Grams), "2 of 2 shown")
	v.dressed("history")
	v.click("As a table")
	v.sees(m.Type, fmt.Sprintf("%.1f g", m.Grams))

	v.fill("Result", "cancelled")
	v.waits("the finished one is left out", func(text string) bool {
		return strings.Contains(text, "vase.gcode.3mf") && !strings.Contains(text, "hook.gcode.3mf")
	})
	rows := v.downloads("CSV")
	if len(rows) != 2 || rows[0][0] != "id" || rows[1][0] != cancelled.TaskID() {
		t.Errorf("the table has %q", rows)
	}
	v.fill("Result", "")
	v.fill("Name of the file", "HOOK")
	v.waits("the other is left out", func(text string) bool {
		return strings.Contains(text, "hook.gcode.3mf") && !strings.Contains(text, "vase.gcode.3mf")
	})
	v.click("Reprint")
	v.sees("What happened when", "hook.gcode.3mf is in the queue again")
	list, err := as.Jobs(t.Context(), grovecloud.JobQuery{Text: "hook"}, grovecloud.Page{Limit: 10})
	if err != nil || len(list.Items) != 2 || list.Items[0].FileID != done.FileID || list.Items[0].ID == done.ID {
		t.Errorf("jobs of the file: %+v %v", list.Items, err)
	}
	v.open(fmt.Sprintf("/jobs/%d", done.ID))
	v.sees("Finished", "At the end", "took")
	v.dressed("job-finished")
	v.open("/timeline")
	v.sees("1 day", "Bench P1S", "hook.gcode.3mf")
	v.waits("what has ended stands before now", func(string) bool {
		return js[bool](v, `(() => {
			const now = document.querySelector(".timeline .now").getBoundingClientRect().right;
			const ended = [...document.querySelectorAll(".timeline .bit")].filter((b) => b.querySelector(".finished, .cancelled"));
			return ended.length > 0 && ended.every((b) => b.getBoundingClientRect().right <= now + 1 && b.getBoundingClientRect().width >= 24);
		})()`)
	})
	v.dressed("timeline")
}

// downloads clicks a link, and reads the table that comes.
func (v *visitor) downloads(name string) [][]string {
	v.t.Helper()
	dir := v.t.TempDir()
	allow := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir}
	if _, err := chromedp.CallBrowser(v.ctx, browser.SetDownloadBehavior, allow); err != nil {
		v.t.Fatal(err)
	}
	v.click(name)
	var rows [][]string
	until(v.t, "the table is there", func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, "jobs.csv"))
		if err != nil || len(raw) == 0 {
			return false
		}
		rows, err = csv.NewReader(bytes.NewReader(raw)).ReadAll()
		return err == nil
	})
	return rows
}

func TestTheBellCountsWhatNobodyHasRead(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	job := as.print(as.file("hook.gcode.3mf"), demoP1)
	as.becomes(job.ID, grovecloud.Finished)
	v.waits("the bell counts the plate of another printer and this print", func(string) bool { return v.bell() == 2 })
	js[bool](v, `(document.querySelector(".bell").click(), true)`)
	v.sees("Notifications", "Bench P1S finished hook.gcode.3mf.")
	v.picture("bell")
	before := v.bell()
	v.click("Mark as read")
	v.waits("one fewer", func(string) bool { return v.bell() < before })
	v.click("All activity")
	v.sees("Activity", "Only unread", "Bench P1S finished")
	v.dressed("activity")
	if before > 1 {
		v.click("Mark all as read")
	}
	v.waits("none is unread", func(string) bool { return v.bell() == 0 })
	v.click("Events")
	v.sees("Print finished", "hook.gcode.3mf", "job.finished")
	v.dressed("events")
}

// bell is how many unread notifications the bell counts.
func (v *visitor) bell() int {
	return js[int](v, `Number(document.querySelector(".bell b")?.textContent || 0)`)
}

func TestTheBellForgetsWhatSomebodyElseHasDone(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.waits("the bell counts a plate", func(string) bool { return v.bell() == 1 })
	js[bool](v, `(document.querySelector(".bell").click(), true)`)
	v.sees("Notifications", "Clear the plate of Desk A1 mini")
	if _, err := as.ClearPlate(t.Context(), demoA1); err != nil {
		t.Fatal(err)
	}
	v.waits("the bell counts none, and its list has none", func(text string) bool {
		return v.bell() == 0 && !strings.Contains(text, "Clear the plate of Desk A1 mini")
	})
	js[bool](v, `(localStorage.setItem("language", JSON.stringify("de")), true)`)
	v.open("/activity")
	v.sees("Räumen Sie die Platte von Desk A1 mini und bestätigen Sie es")
}

func TestNamesThatAreNoNamesLeaveTheQueueWhole(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	name := `"><script>document.title="x"</script>{{7*7}} ` + "\u202etfel ot thgir\u202c " + strings.Repeat("W", 28)
	if _, err := as.ChangePrinter(t.Context(), demoA1, cloudapi.PrinterEdit{Name: &name}); err != nil {
		t.Fatal(err)
	}
	file := as.file(strings.Repeat("part-", 36)+"&amp;'.gcode.3mf", sample.Model("N1"))
	job := as.print(file, demoA1)
	as.print(file, "")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.do(chromedp.EmulateViewport(390, 844))
	see := func(path, words string) {
		t.Helper()
		v.open(path)
		v.sees(words)
		if over := js[int](v, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			v.picture("wide" + strings.ReplaceAll(path, "/", "-"))
			t.Errorf("%s is %d pixels wider than a phone: %s", path, over, js[string](v, `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth).map(e => e.tagName + "." + e.getAttribute("class") + Math.round(e.getBoundingClientRect().right)).join(" ")`))
		}
	}
	see("/queue", "<script>")
	v.picture("queue-hostile")
	see(fmt.Sprintf("/jobs/%d", job.ID), "&amp;'")
	v.picture("job-hostile")
	see("/timeline", "<script>")
	see("/activity?view=events", "&amp;'")
	if _, err := as.CancelJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	see("/history", "&amp;'")
	v.picture("history-hostile")
}

// The hours of the timeline stand within it, whatever time it is.
func TestHoursStandWithinTheTimeline(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.do(chromedp.EmulateViewport(390, 900))
	for zone := range 4 { // as an hour is written every four hours
		if _, err := chromedp.Call(v.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: fmt.Sprintf("Etc/GMT+%d", zone)}); err != nil {
			t.Fatal(err)
		}
		v.open("/timeline")
		v.waits("there are hours", func(string) bool { return js[int](v, `document.querySelectorAll(".axis small").length`) > 1 })
		if out := js[string](v, `(() => {
			const lane = document.querySelector(".axis .lane").getBoundingClientRect();
			return [...document.querySelectorAll(".axis small")].filter((e) => e.checkVisibility() && (e.getBoundingClientRect().left < lane.left || e.getBoundingClientRect().right > lane.right)).map((e) => e.textContent).join(", ");
		})()`); out != "" {
			t.Errorf("at GMT-%d the timeline is left by %s", zone, out)
		}
	}
}
