package web_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// front stands between a browser and the server, and answers some paths itself.
type front struct {
	*httptest.Server

	pass   http.HandlerFunc // asks the server
	mu     sync.Mutex
	own    map[string]http.HandlerFunc // by a part of the path
	retold map[string]string           // what the live stream says, and what is made of it
}

func before(t *testing.T, c *cloud) *front {
	t.Helper()
	to, err := url.Parse(c.base)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{own: map[string]http.HandlerFunc{}}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}, ModifyResponse: func(r *http.Response) error {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
			r.Body = retold{r.Body, f}
		}
		return nil
	}}
	f.pass = through.ServeHTTP
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if own := f.find(r.URL.Path); own != nil {
			own(w, r)
			return
		}
		f.pass(w, r)
	}))
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *front) find(path string) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	longest := ""
	for part := range f.own {
		if strings.Contains(path, part) && len(part) > len(longest) {
			longest = part
		}
	}
	return f.own[longest]
}

// answer has paths with these words answered so from now on; nil by the server again.
func (f *front) answer(part string, with http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if with == nil {
		delete(f.own, part)
		return
	}
	f.own[part] = with
}

// retold is a live stream with other words, of the same length.
type retold struct {
	io.ReadCloser

	by *front
}

func (r retold) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.by.mu.Lock()
	defer r.by.mu.Unlock()
	for was, now := range r.by.retold {
		copy(b, bytes.ReplaceAll(b[:n], []byte(was), []byte(now)))
	}
	return n, err
}

// retell has the live stream say something else from now on, of the same length each.
func (f *front) retell(words map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retold = words
}

// says is an answer with a body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// What a page can't cope with costs that page, and nothing beside it.
func TestAFaultStaysWhereItHappened(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("console: error")
	f.answer("/grove-service/webhooks", says(`{"data": [{"id": "odd"}]}`))
	f.answer("/device/version", says(`{"devices": [{"module": {"length": 1}}]}`))
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.click("Admin")
	v.click("Webhooks")
	v.sees("Something went wrong on this page", "Load the page anew", "Invalid time value")
	v.dressed("fault")
	v.click("People")
	v.sees("None waits.")
	v.click("Printers")
	v.click("Workshop X1 Carbon")
	v.click("Health")
	v.sees("Something went wrong on this page", "Load the page anew", "Workshop X1 Carbon", "Overview")
	v.dressed("fault-part")
	v.click("Stop")
	v.sees("Stop the print on Workshop X1 Carbon?")
	v.click("Stop the print")
	v.sees("Stop done")
	f.answer("/grove-service/webhooks", nil)
	v.open("/admin/webhooks")
	v.sees("No webhooks yet")
}

// A script that can't be had is asked for again by a person, not for ever. That of a
// server which was renewed meanwhile is had by loading the page anew.
func TestAPageThatCannotBeLoadedSaysSo(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("console: error", "status of 404")
	f.answer("/pages/admin.js", http.NotFound)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	js[bool](v, `(window.stayed = true)`)
	v.click("Admin")
	v.sees("This page could not be loaded", "Load the page anew", "Printers")
	v.dressed("unloaded")
	if !js[bool](v, `window.stayed === true`) {
		t.Error("the page was loaded anew although the server is the same")
	}
	f.answer("/pages/admin.js", nil)
	v.click("Load the page anew")
	v.sees("Administration", "None waits.")

	f.answer("/pages/library.js", http.NotFound)
	shells := 0
	f.answer("/library", func(w http.ResponseWriter, _ *http.Request) {
		shells++ // a page of another version, which in truth would find its scripts
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Renewed</title><p>The server was renewed %d</p>`, shells)
	})
	v.click("Library")
	v.sees("The server was renewed 2") // asked for once by the script, then gone to
}

// The tab tells pages apart, a screen reader is led to the new page's title, and back
// is where one was.
func TestPagesAreTitledAndGoneTo(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	titled := func(want string) {
		t.Helper()
		v.waits("the tab is called "+want, func(string) bool { return strings.HasSuffix(js[string](v, `document.title`), want+" · Grove") })
	}
	led := func(want string) {
		t.Helper()
		v.waits("the focus is on "+want, func(string) bool {
			return js[string](v, `document.activeElement?.tagName === "H1" ? document.activeElement.innerText : ""`) == want
		})
	}
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Desk A1 mini")
	titled("Printers")
	if js[bool](v, `document.activeElement?.tagName === "H1"`) {
		t.Error("the focus is taken before anybody went anywhere")
	}
	v.do(chromedp.EmulateViewport(390, 500))
	js[bool](v, `(window.scrollTo(0, 400), true)`)
	until(t, "the page is scrolled", func() bool { return js[float64](v, `history.state?.y ?? 0`) > 300 })
	y := js[float64](v, `scrollY`)
	js[bool](v, find+`("Workshop X1 Carbon").click() ?? true`)
	titled("Workshop X1 Carbon")
	led("Workshop X1 Carbon")
	if top := js[float64](v, `scrollY`); top != 0 {
		t.Errorf("the new page begins at %v", top)
	}
	v.click("Filament")
	titled("Filament · Workshop X1 Carbon")
	js[bool](v, `(history.go(-2), true)`)
	titled("Printers")
	led("Printers")
	v.waits(fmt.Sprintf("the page is at %v again", y), func(string) bool { return js[float64](v, `scrollY`) == y })
	v.do(chromedp.EmulateViewport(1280, 900))
	v.goes("l", "/library")
	led("Library")
	titled("Library")
	v.open("/account/keys")
	titled("API keys · Account")
	v.open("/printers/NOBODY")
	titled("There is no such printer")
	js[bool](v, `(document.querySelector("main a").href = "/library/%E0%A4", document.querySelector("main a").click(), true)`)
	v.excuse("status of 4")
	v.sees("There is no such file") // a link that somebody cut short
}

// palette opens what leads anywhere, by its key.
func (v *visitor) palette() {
	v.t.Helper()
	v.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	until(v.t, "the palette is open", func() bool { return js[bool](v, `!!document.querySelector("dialog[open] [role=combobox]")`) })
}

// goes presses g and a letter until that led to a page: on a busy machine the
// page may forget the first key before the second comes.
func (v *visitor) goes(letter, to string) {
	v.t.Helper()
	v.waits("g "+letter+" leads to "+to, func(string) bool {
		if js[string](v, `location.pathname`) == to {
			return true
		}
		v.key("g")
		v.key(letter)
		return false
	})
}

// Whoever speaks to the computer can have single keys do nothing.
func TestSingleKeysCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.key("?")
	v.sees("Keys without Ctrl", "This list")
	v.click("Keys without Ctrl")
	v.waits("they are not listed", func(text string) bool { return !strings.Contains(text, "This list") })
	v.picture("keys-off")
	v.key(kb.Escape)
	v.waits("the list is closed", func(text string) bool { return !strings.Contains(text, "Keys without Ctrl") })
	v.open("/account")
	v.sees("Keys without Ctrl")
	v.dressed("profile-keys")
	v.key("?")
	v.key("g")
	v.key("l")
	v.palette()
	if at := js[string](v, `location.pathname`); at != "/account" {
		t.Errorf("keys led to %s", at)
	}
	if n := js[int](v, `document.querySelectorAll("dialog[open]").length`); n != 1 {
		t.Errorf("%d dialogs are open", n)
	}
	v.key(kb.Escape)
	v.click("Keys without Ctrl")
	js[bool](v, `(document.activeElement.blur(), true)`)
	v.goes("l", "/library")
}

// What is shown once is not lost by a slip of the hand.
func TestASecretStaysUntilItIsKept(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon")
	v.open("/account/keys")
	v.sees("No keys yet")
	v.click("Make a key")
	v.fill("What is it for?", "Home")
	v.click("Make a key")
	v.sees("It is shown this once")
	for range 3 {
		v.key(kb.Escape)
	}
	v.do(chromedp.MouseClickXY(4, 4))
	v.key(kb.Escape)
	v.waits("what is shown but once is there after clicks and keys beside it", func(text string) bool {
		return strings.Contains(text, "It is shown this once") && js[int](v, `document.querySelectorAll("dialog:modal").length`) == 1
	})
	v.palette()
	if ids := js[[]string](v, `[...document.querySelectorAll("dialog[open]")].map((d) => d.getAttribute("aria-labelledby"))`); len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("two dialogs are called by %q", ids)
	}
	v.key(kb.Escape)
	v.click("I have kept it")
	v.waits("it is closed", func(text string) bool { return !strings.Contains(text, "It is shown this once") })
	v.click("Make a key")
	v.sees("What is it for?")
	v.do(chromedp.MouseClickXY(4, 4))
	v.waits("a dialog with nothing to lose is closed beside it", func(text string) bool { return !strings.Contains(text, "What is it for?") })
}

// Who is asked whether a print shall stop stops no other that began meanwhile.
func TestStopIsForThePrintThatWasAskedAbout(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("409")
	v.excuse("503")
	var busy atomic.Bool  // to say what the printer is at
	var sent atomic.Int32 // and accepted
	f.answer("/printers/"+demoX1, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, demoX1) && busy.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if !strings.HasSuffix(r.URL.Path, "/commands") {
			f.pass(w, r)
			return
		}
		answer := httptest.NewRecorder()
		f.pass(answer, r)
		if answer.Code == http.StatusOK {
			sent.Add(1)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Printing")
	v.open("/printers/" + demoX1)
	v.sees("Layer", "benchy")
	file := js[string](v, `document.querySelector(".print .file").textContent`)
	other := strings.Repeat("q", len(file))
	f.retell(map[string]string{`"run":1,`: `"run":9,`, `"file_name":"` + file + `"`: `"file_name":"` + other + `"`})
	v.waits("the page tells of a print that is over", func(string) bool {
		return js[string](v, `document.querySelector(".print .file").textContent`) == other
	})
	v.click("Stop")
	v.sees("Stop the print on Workshop X1 Carbon?")
	v.asks(other+", ", " %")
	busy.Store(true)
	v.click("Stop the print")
	v.sees("It is not known what Workshop X1 Carbon does now.")
	if text := js[string](v, "document.body.innerText"); strings.Contains(text, "Nothing was stopped") {
		t.Errorf("the server can't tell what it is at, and the page says %s", text)
	}
	busy.Store(false)
	v.asks("“"+other+"” is over. Nothing was stopped.", file+", ")
	v.picture("stop-another")
	if n := sent.Load(); n != 0 {
		t.Errorf("%d commands were accepted for a print that is over", n)
	}
	v.click("Stop the print")
	v.sees("Stop done")
	if n := sent.Load(); n != 1 {
		t.Errorf("%d commands were accepted, not the stop alone", n)
	}
}

// A stop goes out again while the one before has no answer.
func TestASecondStopIsSentThoughTheFirstHasNoAnswer(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	var sent atomic.Int32
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	f.answer("/commands", func(w http.ResponseWriter, r *http.Request) {
		if sent.Add(1) == 1 {
			select {
			case <-held:
			case <-r.Context().Done():
			}
			return
		}
		f.pass(w, r)
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Workshop X1 Carbon", "Printing")
	v.open("/printers/" + demoX1)
	v.sees("Layer", "benchy")
	for n := int32(1); n <= 2; n++ {
		v.click("Stop")
		v.sees("Stop the print on Workshop X1 Carbon?")
		v.click("Stop the print")
		until(t, "the stop is sent", func() bool { return sent.Load() == n })
		v.waits("the dialog is closed", func(text string) bool { return !strings.Contains(text, "Stop the print on Workshop") })
	}
	v.sees("Stop done")
}

// asks waits until the dialog on top shows all of the words.
func (v *visitor) asks(words ...string) {
	v.t.Helper()
	for _, w := range words {
		v.waits(fmt.Sprintf("the dialog shows %q", w), func(string) bool {
			return strings.Contains(js[string](v, `document.querySelector("dialog[open]")?.innerText ?? ""`), w)
		})
	}
}

// A printer can be stopped in every state in which it may move or heat, also in one
// that nobody has heard of.
func TestStopIsOfferedWheneverAPrinterMayMove(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S", "Ready")
	for _, state := range []string{"INIT", "ODD?"} {
		f.retell(map[string]string{`"IDLE"`: `"` + state + `"`})
		v.open("/printers/" + demoP1)
		v.sees("Bench P1S", "Preparing")
		v.offers([]string{"Stop"}, []string{"Pause", "Resume"})
		v.click("Stop")
		v.sees("Stop the print on Bench P1S?")
	}
	f.retell(nil)
	v.open("/printers/" + demoP1)
	v.sees("Bench P1S", "Ready")
	v.offers(nil, []string{"Stop", "Pause"})
	moves := js[[]string](v, `import(document.documentElement.dataset.base + "app/state.js").then(({ busy }) =>
["IDLE", "SLICING", "PREPARE", "INIT", "RUNNING", "PAUSE", "FINISH", "FAILED", "OFFLINE", "UNKNOWN", ""].filter((state) => busy({ gcode_state: state })))`)
	if got := strings.Join(moves, " "); got != "SLICING PREPARE INIT RUNNING PAUSE UNKNOWN" {
		t.Errorf("it may move in %s", got)
	}
}

// Whatever has a page is gone to by its name, also parts of pages, files and jobs.
func TestThePaletteLeadsToWhatIsNamed(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	job := as.print(as.file("hook.gcode.3mf"), demoP1)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	for _, goal := range [][2]string{
		{"history", "/history"},
		{"audit", "/admin/audit"},
		{"webhooks", "/admin/webhooks"},
		{"api keys", "/account/keys"},
		{"hook.gc", "/library/"},
		{fmt.Sprintf("#%d", job.ID), fmt.Sprintf("/jobs/%d", job.ID)},
		{fmt.Sprintf("hook job %d", job.ID), ""},
	} {
		v.palette()
		v.fill("Go anywhere", goal[0])
		if goal[1] == "" {
			v.asks("Nothing found")
			v.key(kb.Escape)
			continue
		}
		until(t, "something is found for "+goal[0], func() bool {
			return v.chosen() != "" && js[int](v, `document.querySelectorAll(".choices li").length`) < 8
		})
		v.picture("palette-" + strings.ReplaceAll(goal[0], " ", "-"))
		v.key(kb.Enter)
		until(t, goal[0]+" leads to "+goal[1], func() bool { return strings.HasPrefix(js[string](v, "location.pathname"), goal[1]) })
	}
	v.palette()
	v.fill("Go anywhere", "dark")
	until(t, "the theme is found", func() bool { return strings.HasPrefix(v.chosen(), "Dark") })
	v.key(kb.Enter)
	until(t, "the page is dark", func() bool { return js[string](v, "document.documentElement.dataset.theme") == "dark" })
}

// chosen is what the palette would do.
func (v *visitor) chosen() string {
	v.t.Helper()
	return js[string](v, `document.querySelector(".choices [aria-selected=true]")?.textContent ?? ""`)
}
