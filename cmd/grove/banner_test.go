package main

import (
	"bufio"
	"fmt"
	"html"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/internal/server"
)

// needs skips a test on a machine that lacks something, but not in CI.
func needs(t *testing.T, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed: %v", what, err)
	default:
		t.Skipf("%s is not installed: %v", what, err)
	}
}

// place is a directory where somebody works, with the system's own programs
// before all others.
type place struct {
	t   *testing.T
	dir string
}

func newPlace(t *testing.T) place {
	t.Helper()
	for _, program := range []string{"bash", "curl"} {
		_, err := exec.LookPath(program)
		needs(t, program, err)
	}
	return place{t: t, dir: t.TempDir()}
}

func (p place) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(p.t.Context(), name, args...)
	c.Dir = p.dir
	c.Env = []string{"PATH=/usr/bin" + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + p.dir, "GORACE=" + atExit}
	return c
}

// serve starts a cloud and gives what it prints.
func (p place) serve(args ...string) (banner string) {
	p.t.Helper()
	banner, _ = p.running(args...)
	return banner
}

func (p place) running(args ...string) (banner string, cloud *os.Process) {
	p.t.Helper()
	c := p.command("grove", append([]string{"serve", "--http", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--log-level", "warn"}, args...)...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stderr = p.t.Output()
	out, err := c.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	c.WaitDelay = 20 * time.Second
	p.t.Cleanup(func() {
		_ = c.Wait() // the test's context has ended, and with it the cloud
		if code := c.ProcessState.ExitCode(); code != 0 {
			p.t.Errorf("the cloud ended with exit code %d", code)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if banner += lines.Text() + "\n"; strings.HasPrefix(lines.Text(), "Stop it") {
			return banner, c.Process
		}
	}
	p.t.Fatalf("the cloud said only %q", banner)
	return "", nil
}

// A SIGHUP asks for another look at the certificates. It is not the end.
func TestAHangupIsNotTheEnd(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	banner, cloud := p.running("--log-level", "error")
	if err := cloud.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	base := regexp.MustCompile(`HTTP API   (\S+)`).FindStringSubmatch(banner)
	p.paste("curl -sf " + base[1] + "/livez")
}

// paste runs text in a shell, as it is, and gives what it prints.
func (p place) paste(text string) string {
	p.t.Helper()
	out, err := p.command("bash", "-c", text).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v\n%s\n\n%s", err, text, out)
	}
	return string(out)
}

// endsWhenIdle is put behind a watch that would go on for ever.
const endsWhenIdle = " --until IDLE"

// snippet finds a numbered snippet in a banner.
func snippet(t *testing.T, banner string, number int) string {
	t.Helper()
	pattern := fmt.Sprintf(`(?s)\n%d\. [^\n]*:\n\n(.*?)\n\n(\d\. |Stop it)`, number)
	found := regexp.MustCompile(pattern).FindStringSubmatch(banner)
	if found == nil {
		t.Fatalf("no snippet %d in\n%s", number, banner)
	}
	return found[1]
}

// What a demo prints for copying must work as it stands.
func TestTheSnippetsOfTheDemoWorkAsPrinted(t *testing.T) {
	t.Parallel()
	needs(t, "python3-paho-mqtt", exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import paho.mqtt.client").Run())
	p := newPlace(t)
	banner := p.serve("--demo")

	listed := p.paste(snippet(t, banner, 1))
	for _, serial := range []string{"00M00D000000001", "01P00D000000002", "03000D000000003"} {
		if !strings.Contains(listed, `"dev_id":"`+serial+`"`) {
			t.Errorf("curl does not list %s: %s", serial, listed)
		}
	}
	if said := p.paste(snippet(t, banner, 2)); !strings.HasPrefix(said, "Sent to 01P00D") {
		t.Errorf("Python says %q", said)
	}
	p.heats(banner, 220)
	watched := p.paste(snippet(t, banner, 3) + endsWhenIdle)
	if !regexp.MustCompile(`(?m)^01P00D000000002  IDLE +nozzle \d+/220 °C  bed `).MatchString(watched) {
		t.Errorf("watched %q", watched)
	}
}

// heats waits until the demo's printer has this nozzle target.
func (p place) heats(banner string, celsius float64) {
	p.t.Helper()
	base := regexp.MustCompile(`HTTP API   (\S+)`).FindStringSubmatch(banner)
	c, err := client.New(client.Config{URL: base[1]})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := c.Login(p.t.Context(), server.DemoEmail, "grove-demo"); err != nil {
		p.t.Fatal(err)
	}
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		live, err := c.Printer(p.t.Context(), "01P00D000000002")
		if err == nil && live.Shadow.NozzleTargetCelsius == celsius {
			return
		}
		select {
		case <-end.C:
			p.t.Fatalf("the printer does not heat to %v °C: %+v %v", celsius, live.Shadow, err)
		case <-tick.C:
		}
	}
}

func TestTheSetupThatIsPrintedMakesTheFirstOwner(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"over HTTP": nil, "over HTTPS": {"--tls", "--data", "my data"}} {
		t.Run(name+", with a browser", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			link, _, _ := setupShown(t, p.serve(args...))
			base, code, _ := strings.Cut(link, "/setup?code=")
			if page := p.paste("curl -sk " + link); !strings.Contains(page, `value="`+code+`"`) {
				t.Errorf("the form has not the code: %s", page)
			}
			sent := "curl -sk -c jar -o page -w '%{http_code} %{redirect_url}' -H 'Sec-Fetch-Site: same-origin' " + base + "/setup -d name=You --data-urlencode 'code=" + code + "' -d email=you@example.org --data-urlencode "
			if answer := p.paste(sent + "'password=short'"); answer != "400 " {
				t.Errorf("a short password: %s", answer)
			}
			if answer := p.paste(sent + "'password=correct horse battery'"); answer != "303 "+base+"/welcome" {
				t.Errorf("the form leads to %s", answer)
			}
			if page := p.paste("curl -sk -b jar " + base + "/welcome"); !strings.Contains(page, `id="app"`) {
				t.Errorf("the owner is not signed in: %s", page)
			}
			if answer := p.paste(sent + "'password=correct horse battery'"); answer != "404 " {
				t.Errorf("the form makes another owner: %s", answer)
			}
		})
		t.Run(name+", with grove", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			_, first, _ := setupShown(t, p.serve(args...))
			if said := p.paste("export GROVE_PASSWORD='correct horse battery'\n" + first); !strings.Contains(said, "you@example.org owns this cloud now.") {
				t.Errorf("%s\n%s", first, said)
			}
		})
		t.Run(name+", with curl", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			_, _, second := setupShown(t, p.serve(args...))
			if answer := p.paste(second); !strings.Contains(answer, "12 characters") {
				t.Errorf("pasted without a password of one's own:\n%s\n%s", second, answer)
			}
			answer := p.paste(strings.Replace(second, "…", "correct horse battery", 1))
			if !strings.Contains(answer, `"email":"you@example.org"`) || !strings.Contains(answer, `"role":"owner"`) {
				t.Errorf("%s\n%s", second, answer)
			}
		})
	}
}

// setupShown gives the ways to make the first owner that a banner shows: a link, and
// two commands.
func setupShown(t *testing.T, banner string) (link, first, second string) {
	t.Helper()
	found := regexp.MustCompile(`(?s)makes a new code\), in a browser:\n\n +(.*?)\n\nor here:\n\n(.*?)\n\nIt asks .*?:\n\n(.*?)\n\nStop it`).FindStringSubmatch(banner)
	if found == nil {
		t.Fatalf("nothing to paste in\n%s", banner)
	}
	return found[1], found[2], found[3]
}

var commandsShown = regexp.MustCompile(`(?s)<pre[^>]*><code>(.*?)</code></pre>`)

// What the page at /about tells its reader to type works as it stands.
func TestTheCommandsOnThePageWorkAsPrinted(t *testing.T) {
	t.Parallel()
	t.Run("of a demo", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		shown := p.page(p.serve("--demo", "--data", "my demo"))
		if len(shown) != 1 {
			t.Fatalf("the page shows %q", shown)
		}
		said := p.paste(shown[0] + endsWhenIdle)
		if !strings.Contains(said, "\n01P00D000000002  ") {
			t.Errorf("%s\n%s", shown[0], said)
		}
	})
	t.Run("of a cloud of one's own", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		banner := p.serve("--tls")
		code := regexp.MustCompile(`"code":"([^"]+)"`).FindStringSubmatch(banner)
		shown := p.page(banner)
		if len(shown) != 2 {
			t.Fatalf("the page shows %q", shown)
		}
		said := p.paste("export GROVE_PASSWORD='correct horse battery'\n" + strings.Replace(shown[0], "CODE", code[1], 1) + "\n" +
			strings.Replace(shown[1], "watch SERIAL", "printers bind 01P00A000000042", 1))
		for _, want := range []string{"you@example.org owns this cloud now.", "No printers yet.", "device secret"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not in what they say: %s\n%s", want, shown, said)
			}
		}
	})
}

// page gives the pieces of the page at / that are to be typed.
func (p place) page(banner string) []string {
	p.t.Helper()
	base := regexp.MustCompile(`HTTP API   (\S+)`).FindStringSubmatch(banner)
	var shown []string
	for _, c := range commandsShown.FindAllStringSubmatch(p.paste("curl -sk "+base[1]+"/about"), -1) {
		shown = append(shown, html.UnescapeString(c[1]))
	}
	return shown
}

func TestSizesAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "512MiB": 512 << 20, "1GiB": 1 << 30, " 2 tib ": 2 << 40, "7B": 7, "10 KiB": 10 << 10, "9223372036854775807": 1<<63 - 1} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q is %d %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "lots", "-1", "1.5GiB", "10GB", "1GiB extra", "GiB", "9999999TiB", "1 2 MiB", "0x10"} {
		if got, err := parseSize(bad); err == nil {
			t.Errorf("%q passed as %d", bad, got)
		}
	}
}

func TestWordsForAShellStayWords(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, text := range []string{"/plain/path-1_2.pem", "my data", "it's", `$HOME "x" \`, "a;b&c|d>e", "*?[a]{b}~!#", "", "zwei\tZeilen\n", "Größe"} {
		if got := p.paste("printf '%s' " + server.Quote(text)); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// An address of version 6 has colons of its own.
func TestTheBannerKnowsIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer l.Close()
	var text strings.Builder
	demoBanner(&text, server.Info{MQTTS: l.Addr().String(), Demo: &server.DemoInfo{}, CAFile: "/ca.pem"}, "curl -s")
	if !strings.Contains(text.String(), `BROKER = "::1"`) || !strings.Contains(text.String(), "--mqtt "+l.Addr().String()) {
		t.Error(text.String())
	}
}

// How the program was called is how the banner calls it.
func TestTheProgramIsCalledAsBefore(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"grove":                                "grove",
		"./grove":                              "./grove",
		"bin/grove":                            "bin/grove",
		filepath.Join(here, "bin", "grove"):    "./bin/grove",
		filepath.Join(here, "my bin", "grove"): "'./my bin/grove'",
		"/opt/grove":                           "/opt/grove",
		"/tmp/go-build1/b001/exe/grove":        "go run ./cmd/grove",
	} {
		if got := called(name); got != want {
			t.Errorf("%s is called %s, want %s", name, got, want)
		}
	}
}
