package web_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const cube = "../examples/cube.gcode.3mf"

// chooses chooses files in the dialog that a key opens.
func (v *visitor) chooses(key string, files ...string) {
	v.t.Helper()
	for i, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			v.t.Fatal(err)
		}
		files[i] = abs
	}
	if _, err := chromedp.Call(v.ctx, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true}); err != nil {
		v.t.Fatal(err)
	}
	v.key(key)
	v.do(chromedp.SetUploadFiles("#upload", files))
}

// drops drops a file of this name and content on what a selector finds.
func (v *visitor) drops(on, name string, content []byte) {
	v.t.Helper()
	until(v.t, "there is something to drop on: "+on, func() bool {
		return js[bool](v, fmt.Sprintf(`(async () => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))], %q));
  const drag = (type, at) => at.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
  drag("dragover", document.body);
  await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
  const at = document.querySelector(%q);
  if (!at) return false;
  drag("drop", at);
  return true;
})()`, base64.StdEncoding.EncodeToString(content), name, on))
	})
}

// drags moves a file over the page without letting go.
func (v *visitor) drags() {
	v.t.Helper()
	js[bool](v, `(() => {
  const data = new DataTransfer();
  data.items.add(new File(["x"], "x.3mf"));
  return document.body.dispatchEvent(new DragEvent("dragover", { bubbles: true, cancelable: true, dataTransfer: data }));
})()`)
}

func TestFilesAreDroppedIntoTheLibraryAndKept(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	v.open("/library")
	v.sees("Library", "Upload")
	v.dressed("library-before")
	v.excuse("status of 422")
	v.chooses("u", cube)
	v.sees("checked by the server", "cube.gcode.3mf")
	v.dressed("library")
	v.drops("main", "notes.txt", []byte("what is no print"))
	v.sees("Only files with these endings")
	v.drops("main", "a:b?.gcode.3mf", []byte("x"))
	v.sees("Its name has : ?")
	v.picture("library-uploads")
	long := strings.Repeat("eine sehr lange Halterung ", 6) + "\u202egnp.שלום.stl"
	v.drops("main", long, []byte("this is no STL"))
	v.sees("The name says STL")
	facet := "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
	v.drops("main", long, []byte("solid x\n"+facet+"endsolid x\n"))
	v.sees("5 files", "checked by the server", "eine sehr lange Halterung")
	v.click("Clear the list")
	v.dressed("library-long")
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.sees("SHA-256", "Plate 1", "Versions", "not printed yet")
	v.dressed("file")
}

func TestFilesAreRenamedTaggedFoundAndKeptApart(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.open("/library")
	v.excuse("status of 400")
	v.click("More for cube.gcode.3mf")
	v.click("Rename")
	v.fill("Name", "box:1.gcode.3mf")
	v.click("Rename")
	v.sees("must have none of")
	v.fill("Name", "box.gcode.3mf")
	v.click("Rename")
	v.sees("box.gcode.3mf", "4 files")
	v.click("More for box.gcode.3mf")
	v.click("Change tags")
	v.fill("Tags", "spare, für Ann")
	v.click("Save")
	v.sees("spare", "für Ann")
	v.fill("Search files", "ann")
	v.sees("1 file", "box.gcode.3mf")
	v.fill("Search files", "nowhere")
	v.sees("Nothing found")
	v.click("Show all files")
	v.sees("box.gcode.3mf")
	// The very same content is told of, and kept all the same when somebody wants it.
	v.chooses("u", cube)
	v.sees("The library has this very content already")
	v.click("Keep both")
	v.sees("Same content as another", "5 files")
	v.click("Clear the list")
	v.click("More for cube.gcode.3mf")
	v.click("Rename")
	v.fill("Name", "box.gcode.3mf")
	v.click("Rename")
	v.sees("2 versions")
	v.do(chromedp.EmulateViewport(1280, 900))
	v.picture("library-two")
	v.click("View")
	v.click("List")
	v.sees("Sliced for", "Weight")
	v.dressed("library-list")
	v.click("More for box.gcode.3mf")
	v.sees("Download")
	if !js[bool](v, `(r => r.top >= 0 && r.bottom <= innerHeight && r.right <= innerWidth && document.elementFromPoint(r.left + 20, r.bottom - 10)?.closest("[role=menu]") !== null)(document.querySelector("[role=menu]").getBoundingClientRect())`) {
		t.Error("the menu of a row is cut off")
	}
	v.picture("library-menu")
	v.key("\x1b")
	v.click("box.gcode.3mf")
	v.sees("Version 2", "This one")
	v.picture("file-versions")
	v.click("More for box.gcode.3mf")
	v.click("Delete")
	v.sees("gone for good")
	v.click("Delete")
	v.sees("4 files")
}

func TestAFileThatAJobNeedsIsKept(t *testing.T) {
	t.Parallel()
	v := stocked(t)
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.click("Print")
	v.sees("Prints at once on Bench P1S")
	v.click("Later")
	v.sees("Waits until")
	v.click("Print")
	v.sees("The job is made")
	v.click("Close")
	v.excuse("status of 409")
	v.click("More for cube.gcode.3mf")
	v.click("Delete")
	v.sees("gone for good")
	v.click("Delete")
	v.sees("Deleting cube.gcode.3mf: refused", "Copy as curl")
	v.picture("library-refused")
	v.open("/library")
	v.sees("4 files", "cube.gcode.3mf")
}
