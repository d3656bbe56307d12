package web_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/printfiletest"
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
	v.click("Print")
	v.sees("Prints at once on Bench P1S")
	v.click("Any that fits The first of your printers that is free and suits takes it.")
	v.sees("Prints at once on Bench P1S, the one that fits now")
	v.click("In the colours of the file")
	v.sees("which is another colour", "Waits until the 1 printer that suits can take it")
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

func TestATrayIsChosenByHand(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.open("/library")
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
	file := as.file("tower.gcode.3mf", printfiletest.Model("N1"))
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	js[bool](v, `(localStorage.setItem("language", JSON.stringify("de")), true)`)
	v.open("/library/" + file)
	v.click("Drucken")
	v.sees("Für A1 mini geslict, und dies ist P1S.", "Seine Platte muss noch geräumt werden.", "Passt nicht")
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
	f := before(t, c)
	as := c.calls()
	job := as.print(as.file("tower.gcode.3mf", printfiletest.Model("N1")), demoA1)
	at := fmt.Sprintf("/jobs/%d", job.ID)
	v := visit(t, f.URL)
	v.excuse("409 (Conflict)")
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open(at)
	v.click("Edit")
	v.sees("Timelapse", "Goes to the queue of Desk A1 mini")
	f.answer("/grove-service"+at, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch {
			f.pass(w, r)
			return
		}
		options := job.Options
		options.Timelapse = true
		if _, err := as.EditJob(r.Context(), job.ID, cloudapi.JobEdit{Options: &options}); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusConflict)
		says(`{"code": 9, "message": "changed", "details": {"cause": "job_changed", "reason": "job was changed by somebody else meanwhile"}}`)(w, r)
	})
	v.click("Save")
	v.sees("Somebody else changed this job meanwhile", "Your change was not made")
	v.waits("the dialog shows what the other made of it", func(string) bool { return js[bool](v, `((e) => !!(e?.control ?? e)?.checked)(`+find+`("Timelapse"))`) })
	v.picture("job-changed")
	f.answer("/grove-service"+at, nil)
	v.click("Save")
	v.waits("the change is made", func(string) bool { return js[int](v, `document.querySelectorAll("dialog[open]").length`) == 0 })
}
