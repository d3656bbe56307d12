package web_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// wire stands between a browser and the server, and can fail as networks do.
type wire struct {
	t        *testing.T
	listener net.Listener
	to       string

	mu    sync.Mutex
	from  int64         // where the last upload went on
	after int64         // a connection that brought more is cut, once; 0: none
	held  chan struct{} // until it is closed a connection that brought more waits to be cut
	holds bool          // one has come that far
}

const (
	large   = 8 << 20
	halfway = large / 2
)

func between(t *testing.T, c *cloud) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, listener: l, to: strings.TrimPrefix(c.base, "http://")}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go w.pass(from)
		}
	}()
	return w
}

func (w *wire) base() string { return "http://" + w.listener.Addr().String() }

func (w *wire) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}()
	_, _ = io.Copy(to, &watched{Reader: from, wire: w})
}

var errCut = errors.New("the line is cut")

// offset is what an upload says to go on from.
var offset = regexp.MustCompile(`Upload-Offset: (\d+)`)

// watched counts what a connection brings.
type watched struct {
	io.Reader
	wire *wire
	n    int64
}

func (r *watched) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	said := offset.FindSubmatch(p[:n])
	r.wire.mu.Lock()
	if said != nil {
		r.wire.from, _ = strconv.ParseInt(string(said[1]), 10, 64)
	}
	cut, held := r.wire.after > 0 && r.n > r.wire.after, r.wire.held
	if cut && held == nil {
		r.wire.after = 0
	}
	r.wire.holds = r.wire.holds || cut
	r.wire.mu.Unlock()
	if cut && held != nil {
		<-held
	}
	if cut {
		return n, errCut
	}
	return n, err
}

// wentOn is where the last upload went on.
func (w *wire) wentOn() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.from
}

// holding reports whether a connection waits for its release.
func (w *wire) holding() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.holds
}

// cut cuts the next connection that brings more than so many bytes.
func (w *wire) cut(after int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after = after
}

// hold lets connections bring so many bytes and no more until what it gives is called,
// which cuts them.
func (w *wire) hold(after int64) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := make(chan struct{})
	w.after, w.held = after, held
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.after, w.held = 0, nil
		close(held)
	})
}

// largeFile is long.gcode, G-code that prints nothing, at length; sign makes one that is another.
func largeFile(t *testing.T, sign string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "long.gcode")
	line := "; nothing to see " + sign + "\n"
	if err := os.WriteFile(at, []byte(strings.Repeat(line, large/len(line))), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// focus puts the focus on what is called so, for a key that follows.
func (v *visitor) focus(name string) {
	v.t.Helper()
	until(v.t, fmt.Sprintf("there is %q to focus", name), func() bool {
		return js[bool](v, fmt.Sprintf(`(e => { if (!e) return false; e.focus(); return document.activeElement === e; })(%s(%q))`, find, name))
	})
}

func TestAnUploadGoesOnAfterACut(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	w := between(t, c)
	v := visit(t, w.base())
	v.excuse("net::ERR", "Failed to load resource")
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	w.cut(halfway)
	v.chooses("u", largeFile(t, "a"))
	v.sees("checked by the server")
	if from := w.wentOn(); from < halfway/2 {
		t.Errorf("it went on at byte %d, and was cut at %d", from, halfway)
	}
	v.click("long.gcode")
	v.sees("SHA-256", "8.4 MB")
}

func TestAnUploadGoesOnAfterAReloadWithTheSameFile(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	w := between(t, c)
	v := visit(t, w.base())
	v.excuse("net::ERR", "Failed to load resource")
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	right, wrong := largeFile(t, "a"), largeFile(t, "b")
	release := w.hold(halfway)
	t.Cleanup(release)
	v.chooses("u", right)
	until(t, "half of it has passed", w.holding)
	v.picture("upload-sending")
	v.do(chromedp.Reload())
	release()
	v.sees("Choose the same file again to go on")
	v.picture("upload-lost")
	v.focus("Choose the file again")
	v.chooses("\r", wrong)
	v.sees("That was another file")
	v.focus("Choose the file again")
	v.chooses("\r", right)
	v.sees("checked by the server")
	if from := w.wentOn(); from < halfway/2 {
		t.Errorf("it went on at byte %d, and was cut at %d", from, halfway)
	}
}

func TestAnUploadThatIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	w := between(t, c)
	v := visit(t, w.base())
	v.excuse("net::ERR", "Failed to load resource")
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers", "Ready")
	release := w.hold(halfway)
	t.Cleanup(release)
	v.chooses("u", largeFile(t, "a"))
	until(t, "half of it has passed", w.holding)
	id := js[string](v, `JSON.parse(localStorage.getItem("uploads"))[0].id`)
	v.click("Cancel long.gcode")
	v.waits("the upload is gone", func(text string) bool { return !strings.Contains(text, "long.gcode") })
	release()
	until(t, "the server has nothing of it", func() bool {
		return js[int](v, fmt.Sprintf(`fetch("/v1/grove-service/files/%s").then((r) => r.status)`, id)) == 404
	})
	v.do(chromedp.Reload())
	v.sees("Printers", "Ready")
	if strings.Contains(v.text(), "long.gcode") {
		t.Error("a cancelled upload came back")
	}
}
