package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// built is the directory of the program, which is large.
var built string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "grove-web")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		built = dir
		return m.Run()
	}())
}

// grove is the program as people run it, built once.
var grove = sync.OnceValues(func() (string, error) {
	program := filepath.Join(built, "grove")
	out, err := exec.Command("go", "build", "-o", program, "../cmd/grove").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

// cloud is a running server.
type cloud struct {
	t       testing.TB
	base    string
	mqtts   string
	data    string
	program string
	process *exec.Cmd
	args    []string
	log     *lines
}

// lines collects what a process says.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// serve runs a server until the test ends.
func serve(t testing.TB, args ...string) *cloud {
	t.Helper()
	program, err := grove()
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, program: program, data: filepath.Join(t.TempDir(), "data")}
	c.args = append([]string{"serve", "--data", c.data, "--http", "127.0.0.1:0", "--mqtts", "127.0.0.1:0"}, args...)
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *cloud) start() {
	c.t.Helper()
	ready := filepath.Join(c.t.TempDir(), "ready")
	c.log = &lines{}
	c.process = exec.Command(c.program, append(c.args, "--ready-file", ready)...)
	c.process.Stdout, c.process.Stderr = c.log, c.log
	if err := c.process.Start(); err != nil {
		c.t.Fatal(err)
	}
	var info struct{ HTTP, MQTTS string }
	until(c.t, "the server is ready", func() bool {
		raw, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(raw, &info) == nil
	})
	c.base, c.mqtts = info.HTTP, info.MQTTS
}

func (c *cloud) stop() {
	if c.process.ProcessState != nil {
		return
	}
	_ = c.process.Process.Signal(syscall.SIGTERM)
	_ = c.process.Wait()
	if c.t.Failed() {
		c.t.Log(c.log.String())
	}
}

// again stops the server and starts it at the same addresses.
func (c *cloud) again() {
	c.t.Helper()
	c.stop()
	u, err := url.Parse(c.base)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, a := range c.args {
		switch a {
		case "--http":
			c.args[i+1] = u.Host
		case "--mqtts":
			c.args[i+1] = c.mqtts
		}
	}
	c.start()
}

// run runs a command that uses the server, as somebody whose token is kept beside
// the data.
func (c *cloud) run(args ...string) {
	c.t.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("grove %q: %v: %s", args, err, out)
	}
}

func (c *cloud) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), c.program, args...)
	cmd.Env = append(os.Environ(), "GROVE_URL="+c.base, "GROVE_MQTT="+c.mqtts, "GROVE_CA="+filepath.Join(c.data, "ca.pem"),
		"GROVE_TOKEN_FILE="+c.data+".token", "GROVE_PASSWORD="+password)
	return cmd
}

// background runs a command until the test ends.
func (c *cloud) background(args ...string) {
	c.t.Helper()
	cmd := c.command(args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, bufio.NewReader(out)) }()
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

const (
	demoEmail    = "demo@grove.local"
	demoPassword = "grove-demo"
	password     = "correct horse battery"
)

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	within(t, time.Minute, what, done)
}

// within waits so long at most.
func within(t testing.TB, most time.Duration, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %s until %s", most, what)
		}
	}
}

// visitor is somebody with a browser of their own. Whatever its console complains of,
// and any request to another host, fails the test.
type visitor struct {
	t    testing.TB
	ctx  context.Context //nolint:containedctx // a browser is told apart by its context
	base string

	mu       sync.Mutex
	excused  []string      // complaints with these words are part of the test
	received int64         // bytes over the network
	patience time.Duration // with what the page shall show
}

func visit(t testing.TB, base string) *visitor {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium")
		}
		t.Skip("no chromium")
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(
		chromedp.NoSandbox, chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "en-US"),
	))
	t.Cleanup(cancel)
	v := &visitor{t: t, ctx: ctx, base: base, patience: time.Minute}
	v.do(chromedp.EmulateViewport(1280, 900))
	if _, err := chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: offersCurl}); err != nil {
		t.Fatal(err)
	}
	v.listen()
	return v
}

// offersCurl complains of each act on a page for which no line for a terminal is offered:
// by the form that it is sent from, or soon after it by a note or beside it. Left out is
// what nobody acts by: signing in and out, what the page says of itself, and questions;
// and files on their way, whose line is offered once they have arrived.
const offersCurl = `(() => {
  const real = window.fetch;
  const none = /\/login|\/logout|\/confirm$|\/live\/|\/jobs\/fit$|\/grove-service\/files(\/[^/]*(\/content)?)?$/;
  const offered = () => [...document.querySelectorAll("[data-curl]")].filter((e) => e.checkVisibility()).map((e) => e.dataset.curl);
  window.fetch = async (at, options = {}) => {
    const method = options.method || "GET";
    const { pathname, search } = new URL(at, location.href);
    if (method === "GET" || none.test(pathname)) return real(at, options);
    const form = offered().includes("form");
    const answer = await real(at, options);
    const line = "-X " + method + " '" + location.origin + pathname + search + "'";
    const look = (left) => {
      if (form || offered().some((l) => l.includes(line))) return;
      if (left) setTimeout(look, 100, left - 1);
      else console.error("no line for a terminal is offered for " + method + " " + pathname);
    };
    look(15);
    return answer;
  };
})()`

func (v *visitor) listen() {
	go func() {
		for m, err := range chromedp.Console(v.ctx) {
			if err != nil {
				return
			}
			if m.Type == "error" || m.Type == "warning" || m.Type == chromedp.ConsoleException {
				v.complain(fmt.Sprintf("console: %s %s %s", m.Type, m.Text, m.URL))
			}
		}
	}()
	go func() {
		for e, err := range chromedp.Events(v.ctx, network.RequestWillBeSent) {
			if err != nil {
				return
			}
			if u, err := url.Parse(e.Request.URL); err == nil && strings.HasPrefix(u.Scheme, "http") && !strings.HasPrefix(e.Request.URL, v.base) {
				v.complain("request to another host: " + e.Request.URL)
			}
		}
	}()
	go func() {
		for e, err := range chromedp.Events(v.ctx, network.LoadingFinished) {
			if err != nil {
				return
			}
			v.mu.Lock()
			v.received += int64(e.EncodedDataLength)
			v.mu.Unlock()
		}
	}()
}

func (v *visitor) complain(words string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.excused {
		if strings.Contains(words, e) {
			return
		}
	}
	v.t.Errorf("%s", words)
}

// excuse takes complaints with these words for part of the test.
func (v *visitor) excuse(words ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.excused = append(v.excused, words...)
}

func (v *visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.t.Fatal(err)
	}
}

// js evaluates an expression in the page.
func js[T any](v *visitor, expression string) T {
	v.t.Helper()
	out, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

func (v *visitor) open(path string) {
	v.t.Helper()
	v.do(chromedp.Navigate(v.base + path))
}

// find is a script that finds what can be used and is called so: by its text, its
// label or its title. The last one wins, which lies on top.
const find = `(name => {
  const shown = e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled;
  const called = e => [e.textContent, e.getAttribute("aria-label"), e.title, ...[...(e.labels || [])].map(l => l.textContent)].some(s => s && s.trim().replace(/\s+/g, " ") === name);
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) || document;
  return [...top.querySelectorAll("button, a, input, select, textarea, [role=menuitem], [role=option], [role=tab], summary, label")].filter(e => shown(e) && called(e)).at(-1);
})`

// click clicks what is called so.
func (v *visitor) click(name string) {
	v.t.Helper()
	until(v.t, fmt.Sprintf("there is %q to click; the page says: %s", name, v.text()), func() bool {
		return js[bool](v, fmt.Sprintf(`(e => { if (!e) return false; e.scrollIntoView({ block: "center" }); setTimeout(() => e.click()); return true; })(%s(%q))`, find, name))
	})
}

// fill writes into the field of a label.
func (v *visitor) fill(label, text string) {
	v.t.Helper()
	until(v.t, fmt.Sprintf("there is a field %q", label), func() bool {
		return js[bool](v, fmt.Sprintf(`(e => {
  if (!e) return false;
  if (e.tagName === "LABEL") e = e.control;
  const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(e), "value").set;
  set.call(e, %q);
  e.dispatchEvent(new Event("input", { bubbles: true }));
  e.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
})(%s(%q))`, text, find, label))
	})
}

// text is what the page shows.
func (v *visitor) text() string {
	v.t.Helper()
	shown := chromedp.Evaluate[string](`document.body?.innerText ?? ""`)
	text, err := chromedp.Run(v.ctx, shown)
	if err != nil && strings.Contains(err.Error(), "navigated or closed") { // the page went away meanwhile; the next one is read
		text, err = chromedp.Run(v.ctx, shown)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return text
}

// sees waits until the page shows all of the words.
func (v *visitor) sees(words ...string) {
	v.t.Helper()
	v.waits(fmt.Sprintf("the page shows %q", words), func(text string) bool {
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	})
}

func (v *visitor) waits(what string, fits func(text string) bool) {
	v.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(v.patience); ; <-tick.C {
		text := v.text()
		if fits(text) {
			return
		}
		if time.Now().After(end) {
			v.picture("failed-" + strings.ReplaceAll(v.t.Name(), "/", "-"))
			v.t.Fatalf("waited until %s; it shows:\n%s", what, text)
		}
	}
}

// key presses a key where the focus is.
func (v *visitor) key(keys string) {
	v.t.Helper()
	v.do(chromedp.KeyEvent(keys))
}

// picture keeps what the page looks like, where GROVE_PICTURES says.
func (v *visitor) picture(name string) {
	v.t.Helper()
	dir := os.Getenv("GROVE_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		v.t.Fatal(err)
	}
}

// dressed takes pictures of the page in both themes, and as a phone shows it.
func (v *visitor) dressed(name string) {
	v.t.Helper()
	if n := js[int](v, `[...document.querySelectorAll(".tabs")].filter((t) => t.scrollHeight > t.clientHeight).length`); n > 0 {
		v.t.Errorf("%s: tabs scroll up and down", name)
	}
	v.picture(name)
	v.theme("dark")
	v.picture(name + "-dark")
	v.theme("light")
	v.do(chromedp.EmulateViewport(390, 844))
	v.picture(name + "-phone")
	v.do(chromedp.EmulateViewport(1280, 900))
}

func (v *visitor) theme(which string) {
	v.t.Helper()
	v.scheme(which)
	js[string](v, fmt.Sprintf("document.documentElement.dataset.theme = %q", which))
}

// scheme has the browser ask for a theme, and for pages that hold still.
func (v *visitor) scheme(which string) {
	v.t.Helper()
	p := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: which}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, p); err != nil {
		v.t.Fatal(err)
	}
}

// signIn signs in as a person does.
func (v *visitor) signIn(email, password string) {
	v.t.Helper()
	v.open("/")
	v.fill("E-mail address", email)
	v.fill("Password", password)
	v.click("Sign in")
}
