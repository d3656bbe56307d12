package web_test

import (
	"os"
	"strings"
	"testing"
	"time"
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
	v.click("Print on Bench P1S")
	v.sees("Print on Bench P1S", "cube.gcode.3mf", "15 min")
	v.dressed("print-file")
	v.click("cube.gcode.3mf")
	v.sees("Prints at once on Bench P1S", "Another colour", "was sliced for Bambu Lab P1S, and Workshop X1 Carbon is Bambu Lab X1 Carbon", "Does not fit")
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
