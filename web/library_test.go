package web_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
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
	v.chooses("u", cube)
	v.sees("checked by the server", "cube.gcode.3mf")
	v.dressed("library")
	v.drops("main", "notes.txt", []byte("what is no print"))
	v.sees("Only files with these endings")
	v.drops("main", "a:b?.gcode.3mf", []byte("x"))
	v.sees("Its name has : ?")
	v.picture("library-uploads")
	v.open("/library")
	v.click("cube.gcode.3mf")
	v.sees("SHA-256", "Plate 1", "Versions", "not printed yet")
	v.dressed("file")
}
