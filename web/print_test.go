package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// stocked is a visitor of a demo whose library has the example.
func stocked(t *testing.T) *visitor {
	t.Helper()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.chooses("u", cube)
	v.sees("checked by the server")
	v.click("Clear the list")
	return v
}

func TestAPrintIsThreeClicksAway(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.sees("Clears its plate by itself")
	v.picture("clears-itself")
	v.click("Print on Bench P1S")
	v.sees("Print on Bench P1S", "cube.gcode.3mf", "15 min")
	v.dressed("print-file")
	v.click("cube.gcode.3mf")
	v.sees("Prints at once on Bench P1S", "Bench P1S clears its plate by itself; what follows begins without a question.", "Another colour", "Sliced for P1S, and this is X1 Carbon. Slice it for this model.", "Does not fit")
	if text := v.text(); strings.Contains(text, "Same colour") || strings.Contains(text, "Fits\n") {
		t.Error("a green cube is said to have its colour where orange is loaded")
	}
	v.dressed("print")
	v.click("Print")
	v.sees("The job is made", "Bench P1S")
	v.picture("print-made")
	for _, state := range []string{"Printing", "Finished"} {
		within(t, 4*time.Minute, "the dialog says "+state, func() bool {
			return strings.Contains(js[string](v, `document.querySelector("dialog").innerText`), state)
		})
	}
	v.picture("print-finished")
	v.click("Close")
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.sees("Finished", "Bench P1S")
	v.picture("file-printed")
}

func TestAFileIsDroppedOnAPrinter(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	until(t, "cards say what a drop does", func() bool {
		v.drags()
		text := v.text()
		return strings.Contains(text, "Drop to print") && strings.Contains(text, "Printer busy")
	})
	v.picture("drop")
	content, err := os.ReadFile(cube)
	if err != nil {
		t.Fatal(err)
	}
	v.drops(".drop-on:not(.busy)", "cube.gcode.3mf", content)
	v.sees("Prints at once on Bench P1S")
}

func TestAnyPrinterThatFitsIsAskedFor(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.click("Print")
	v.sees("Prints at once on Bench P1S")
	v.click("Any that fits The first of your printers that is free and suits takes it.")
	v.sees("Prints at once on Bench P1S, the one that fits now")
	if text := v.text(); strings.Contains(text, "is asked for") || strings.Count(text, "Sliced for P1S, and this is X1 Carbon.") != 1 {
		t.Errorf("why others don't fit is not said once: %s", text)
	}
	if n := js[int](v, `[...document.querySelectorAll("dialog[open] *")].filter((e) => e.scrollHeight > e.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(e).overflowY)).length`); n > 0 {
		t.Errorf("%d parts of the dialog scroll by themselves", n)
	}
	const bench = `[...document.querySelectorAll(".printers-pick > label")].find((l) => l.textContent.includes("Bench P1S"))`
	js[bool](v, `(`+bench+`.click(), true)`)
	v.waits("it prints on the one that is chosen again", func(text string) bool { return strings.Contains(text, "Prints at once on Bench P1S.") })
	v.click("Any that fits The first of your printers that is free and suits takes it.")
	v.sees("the one that fits now")
	v.click("In the colours of the file")
	v.sees("which is another colour", "Waits until the 1 printer that suits can take it")
	if strings.Contains(v.text(), "The colour is not that of the file") {
		t.Error("it waits for the right colour, and is said to be printed in another")
	}
	v.dressed("print-any")
	v.fill("Copies", "3")
	v.sees("2 more jobs follow")
	v.click("Later")
	v.sees("Waits until", "Print 3 times")
	v.picture("print-later")
	v.click("Print 3 times")
	v.sees("3 jobs are made", "Waiting", "Any that fits")
	v.picture("print-made-three")
}

// How many is typed as any number is: a field that is empty meanwhile stays so.
func TestCopiesAreTyped(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.click("Print")
	v.sees("Prints at once on Bench P1S")
	js[bool](v, `((e) => ((e.control ?? e).select(), true))(`+find+`("Copies"))`)
	v.key("2")
	v.sees("Print 2 times")
	v.key(kb.Backspace)
	v.waits("nothing can be printed until it is said how often", func(string) bool { return !js[bool](v, `!!`+find+`("Print")`) })
	v.key("5")
	v.sees("Print 5 times")
	v.picture("print-copies")
}

func TestATrayIsChosenByHand(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.click("Print")
	v.sees("Prints at once on Bench P1S", "A3, chosen by the server")
	v.fill("Tray for filament 1, PLA", "1")
	v.sees("PETG is loaded, the file wants PLA")
	v.sees("Prints at once on Bench P1S. The material is not that of the file.")
	v.picture("print-wrong-material")
	v.click("Later")
	v.waits("a later time does not hide that", func(text string) bool {
		return !strings.Contains(text, "Prints at once") && strings.Contains(text, "Waits until") && strings.Contains(text, "The material is not that of the file.")
	})
	v.picture("print-wrong-material-later")
}

// What keeps a print is said in the language of the page, in the dialog, in the queue
// and of the job.
func TestWhatKeepsAPrintIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	file := as.file("tower.gcode.3mf", sample.Model("N1"))
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	js[bool](v, `(localStorage.setItem("language", JSON.stringify("de")), true)`)
	v.open("/library/" + file)
	v.click("Drucken")
	v.sees("Für A1 mini geslict, und dies ist P1S.", "Wartet, bis jemand bestätigt, dass die Platte von Desk A1 mini leer ist.", "Passt nicht")
	v.picture("print-misfits-de")
	job := as.print(file, "")
	until(t, "the server has said why the job waits", func() bool { return as.becomes(job.ID, grovecloud.Queued).Waits != nil })
	v.open("/queue")
	v.sees("Wartet, bis jemand bestätigt, dass die Platte leer ist: Desk A1 mini.")
	v.picture("queue-misfits-de")
	v.open(fmt.Sprintf("/jobs/%d", job.ID))
	v.sees("Wartet, bis jemand bestätigt, dass die Platte leer ist: Desk A1 mini.")
	v.click("Welche Drucker passen?")
	v.sees("Für A1 mini geslict, und dies ist X1 Carbon.")
	js[bool](v, `(localStorage.setItem("language", JSON.stringify("zh")), true)`)
	v.open(fmt.Sprintf("/jobs/%d", job.ID))
	v.sees("等待有人确认打印板已清空：Desk A1 mini。")
}

// Whoever changes a job that somebody else changed meanwhile is told, and shown what it is now.
func TestAJobThatSomebodyElseChangedIsShownAnew(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	job := as.print(as.file("tower.gcode.3mf", sample.Model("N1")), demoA1)
	v := visit(t, c.base)
	v.excuse("409 (Conflict)")
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open(fmt.Sprintf("/jobs/%d", job.ID))
	v.click("Edit")
	v.sees("Timelapse", "Goes to the queue of Desk A1 mini")
	options := job.Options
	options.Timelapse = true
	if _, err := as.EditJob(t.Context(), job.ID, cloudapi.JobEdit{Options: &options}); err != nil {
		t.Fatal(err)
	}
	v.click("Save")
	v.sees("Somebody else changed this job meanwhile", "Your change was not made")
	v.waits("the dialog shows what the other made of it", func(string) bool { return js[bool](v, `((e) => !!(e?.control ?? e)?.checked)(`+find+`("Timelapse"))`) })
	v.picture("job-changed")
	v.click("Save")
	v.waits("the change is made", func(string) bool { return js[int](v, `document.querySelectorAll("dialog[open]").length`) == 0 })
}

// Which printers fit is said with one reason each: of one that prints, that it does.
func TestEachReasonIsSaidOnce(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.click("Workshop X1 Carbon")
	v.click("Pause")
	v.sees("Pause done")
	job := as.print(as.file("gear.gcode.3mf", sample.Model("BL-P001")), "")
	v.open(fmt.Sprintf("/jobs/%d", job.ID))
	v.click("Which printers fit?")
	v.sees("The printer's print is paused.", "Sliced for X1 Carbon, and this is P1S.", "Another colour")
	if text := js[string](v, `document.querySelector(".fits").innerText`); strings.Contains(text, "late") {
		t.Errorf("the plate is a reason, too: %s", text)
	}
	if gap := js[float64](v, `((m) => {
  const words = document.createRange();
  words.selectNodeContents([...m.childNodes].find((n) => n.nodeType === 3));
  return words.getBoundingClientRect().left - m.querySelector(".icon").getBoundingClientRect().right;
})(document.querySelector(".hue .match"))`); gap < 2 {
		t.Errorf("the words are %.0f pixels from their icon", gap)
	}
	v.dressed("fits")
}

// A farm does not fill the dialog: the first dozen that suits best is shown, and all that
// are asked for.
func TestOfManyPrintersSomeAreShownUnasked(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	var fits []grovecloud.Fit
	for i := range 14 {
		fits = append(fits, grovecloud.Fit{Serial: fmt.Sprintf("P%d", i), Name: fmt.Sprintf("Bench %d", i), Model: "C12", Fits: i > 1, Misfits: []grovecloud.Misfit{}})
	}
	body, err := json.Marshal(cloudapi.Of(fits))
	if err != nil {
		t.Fatal(err)
	}
	f.answer("/jobs/fit", says(string(body)))
	file := c.calls().file("many.gcode.3mf")
	v := visit(t, f.URL)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/library/" + file)
	v.click("Print")
	v.sees("Prints at once on Bench 2", "Show all 14 printers")
	const rows = `document.querySelectorAll(".printers-pick > label").length - 1`
	if n := js[int](v, rows); n != 12 {
		t.Errorf("%d printers are shown unasked", n)
	}
	v.click("Show all 14 printers")
	until(t, "all are shown", func() bool { return js[int](v, rows) == 14 })
}
