package arch

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is the real program, for asking it what it takes.
type program struct {
	t    *testing.T
	path string
}

// run calls it with a bare environment, in the root of the module.
func (p program) run(args ...string) (string, error) {
	c := exec.CommandContext(p.t.Context(), p.path, args...)
	c.Dir, c.Env = root, []string{"HOME=" + p.t.TempDir()}
	out, err := c.CombinedOutput()
	return string(out), err
}

// What documents show of the program is held against the program itself.
func TestDocumentsShowWhatTheProgramTakes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "grove")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", path, module+"/cmd/grove")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	all := documents(t)
	t.Run("commands", func(t *testing.T) { t.Parallel(); program{t, path}.takesCommands(all) })
	t.Run("flags and variables", func(t *testing.T) { t.Parallel(); program{t, path}.knowsFlags(all) })
	t.Run("settings file and paths", func(t *testing.T) { t.Parallel(); program{t, path}.serves(all) })
}

var (
	shellWord = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
	called    = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*(?:go run \./cmd/grove|grove)((?: .*)?)$`)
)

// takesCommands calls each command as it is shown, but for its help: kong reads
// every word of it before.
func (p program) takesCommands(all []document) {
	seen := map[string]bool{}
	for _, d := range all {
		for _, text := range append(d.spans(), d.lines()...) {
			m := called.FindStringSubmatch(strings.TrimSpace(text))
			if m == nil || seen[m[1]] {
				continue
			}
			seen[m[1]] = true
			args := []string{}
			for _, w := range shellWord.FindAllString(m[1], -1) {
				if w == ">" {
					break // the shell's, as is what follows
				}
				w = strings.Trim(w, `'"`)
				if w == "ID" {
					w = "1"
				}
				args = append(args, w)
			}
			if out, err := p.run(append(args, "--help")...); err != nil {
				p.t.Errorf("%s shows %q: %v\n%s", d.name, text, err, out)
			}
		}
	}
	if len(seen) < 20 {
		p.t.Errorf("only %d commands were found in the documents", len(seen))
	}
}

var (
	listedCommand = regexp.MustCompile(`(?m)^  ([a-z][a-z -]*?[a-z])   *[A-Z]`)
	flagName      = regexp.MustCompile(`--[a-z][a-z-]+`)
	variable      = regexp.MustCompile(`GROVE_[A-Z][A-Z_]*[A-Z]`)
)

// knowsFlags holds every flag and variable that a document names against the
// help of all commands.
func (p program) knowsFlags(all []document) {
	help, err := p.run("--help")
	if err != nil {
		p.t.Fatal(err)
	}
	commands := listedCommand.FindAllStringSubmatch(help, -1)
	if len(commands) < 20 {
		p.t.Fatalf("only %d commands were found in:\n%s", len(commands), help)
	}
	known := map[string]bool{}
	for _, c := range commands {
		out, err := p.run(append(strings.Fields(c[1]), "--help")...)
		if err != nil {
			p.t.Fatalf("%s: %v\n%s", c[1], err, out)
		}
		for _, name := range append(flagName.FindAllString(out, -1), variable.FindAllString(out, -1)...) {
			known[name] = true
		}
	}
	for _, d := range all {
		for _, span := range d.spans() {
			if name := flagName.FindString(span); strings.HasPrefix(span, "--") && !known[name] {
				p.t.Errorf("%s names the flag %s, which no command has", d.name, name)
			}
		}
		for _, name := range variable.FindAllString(d.text, -1) {
			if !known[name] {
				p.t.Errorf("%s names the variable %s, which no command reads", d.name, name)
			}
		}
	}
}

// serves starts a cloud with the settings file that the documents show, but for
// its places, and asks it for its paths.
func (p program) serves(all []document) {
	settings := filepath.Join(p.t.TempDir(), "grove.yaml")
	for _, d := range all {
		for _, b := range d.blocks {
			if b.language == "yaml" {
				if err := os.WriteFile(settings, []byte(b.text), 0o600); err != nil {
					p.t.Fatal(err)
				}
			}
		}
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	c := exec.CommandContext(ctx, p.path, "serve", "--config", settings, "--data", filepath.Join(p.t.TempDir(), "data"),
		"--http", "127.0.0.1:0", "--mqtts", "127.0.0.1:0")
	c.Env = []string{}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	var log strings.Builder
	c.Stderr = &log
	said, err := c.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	base := ""
	for lines := bufio.NewScanner(said); base == "" && lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 2 && words[0] == "HTTP" {
			base = words[2]
		}
	}
	if base != "" {
		p.hasPaths(base, all)
	}
	cancel()
	if _ = c.Wait(); base == "" {
		p.t.Fatalf("no cloud came up with the settings file: %s", log.String())
	}
}

var (
	operation = regexp.MustCompile(`(GET|POST|PUT|PATCH|DELETE)\s+(/[a-z][\w/{}.-]*)`)
	place     = regexp.MustCompile(`\{[^}]*\}`)
)

// hasPaths looks up each operation that a document names in the description that
// the server gives of itself.
func (p program) hasPaths(base string, all []document) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, base+"/openapi.json", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	anybody := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer anybody.CloseIdleConnections()
	res, err := (&http.Client{Transport: anybody}).Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var description struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.NewDecoder(res.Body).Decode(&description); err != nil {
		p.t.Fatal(err)
	}
	known := map[string]bool{}
	for path, methods := range description.Paths {
		for method := range methods {
			known[strings.ToUpper(method)+" "+place.ReplaceAllString(path, "{}")] = true
		}
	}
	for _, d := range all {
		for _, o := range operation.FindAllStringSubmatch(d.text, -1) {
			if !known[o[1]+" "+place.ReplaceAllString(strings.TrimRight(o[2], "."), "{}")] {
				p.t.Errorf("%s names %s %s, which is not there", d.name, o[1], o[2])
			}
		}
	}
}

// The Go that documents show compiles.
func TestTheGoInDocumentsCompiles(t *testing.T) {
	t.Parallel()
	shown := 0
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if b.language != "go" {
				continue
			}
			shown++
			name := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(name, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			vet := exec.CommandContext(t.Context(), "go", "vet", name)
			if out, err := vet.CombinedOutput(); err != nil {
				t.Errorf("%s shows Go that is wrong: %v\n%s", d.name, err, out)
			}
		}
	}
	if shown < 2 {
		t.Errorf("only %d pieces of Go were found", shown)
	}
}
