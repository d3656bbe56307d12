package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/grovecloud/grove"
)

// mustJSON encodes what can always be encoded: maps of plain values.
func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // a bug: v is of our own making
	}
	return raw
}

// ticker shows live states: one line that is rewritten on a terminal, else a
// line each, else JSON lines.
type ticker struct {
	w        io.Writer
	json     bool
	terminal bool

	mu   sync.Mutex
	last string // line shown
}

func newTicker(f *os.File, asJSON bool) *ticker {
	return &ticker{w: f, json: asJSON, terminal: term.IsTerminal(int(f.Fd()))}
}

// show shows what is new: on paper and on a terminal nothing twice.
func (t *ticker) show(l grove.Live) error {
	if t.json {
		return json.NewEncoder(t.w).Encode(watchedAs(l))
	}
	line := stateLine(l)
	t.mu.Lock()
	defer t.mu.Unlock()
	if line == t.last {
		return nil
	}
	t.last = line
	if t.terminal {
		_, err := fmt.Fprintf(t.w, "\r\x1b[K%s", line)
		return err
	}
	_, err := fmt.Fprintln(t.w, line)
	return err
}

// end leaves the rewritten line standing.
func (t *ticker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.terminal && t.last != "" {
		fmt.Fprintln(t.w)
		t.last = ""
	}
}

// linked tells that the line to the cloud broke, or is back.
func (t *ticker) linked(err error) {
	t.end()
	if err == nil {
		fmt.Fprintln(os.Stderr, "The connection is back.")
		return
	}
	fmt.Fprintf(os.Stderr, "The connection was lost and is tried again (%v).\n", cause(err))
}

// cause is what lies below an error's words.
func cause(err error) error {
	if e := grove.AsError(err); e.Err != nil {
		return e.Err
	}
	return err
}

// watched is what a watch knows of a printer.
type watched struct {
	Serial     string        `json:"serial"`
	Name       string        `json:"name,omitempty"`
	Model      string        `json:"model,omitempty"`
	Online     bool          `json:"online"`
	ReportedAt time.Time     `json:"reported_at,omitzero"`
	Shadow     *grove.Shadow `json:"shadow,omitempty"` // once it has told everything
}

func watchedAs(l grove.Live) watched {
	w := watched{Serial: l.Serial, Name: l.Name, Model: l.Model, Online: l.Online, ReportedAt: l.ReportedAt}
	if l.Complete {
		w.Shadow = &l.Shadow
	}
	return w
}

func stateLine(l grove.Live) string {
	s := l.Shadow
	switch {
	case !l.Connected && s.State == "":
		return l.Serial + "  offline; it is shown here when it comes back"
	case !l.Connected:
		return l.Serial + "  offline; last state " + s.State
	}
	line := fmt.Sprintf("%s  %-8s", l.Serial, s.State)
	if !s.Idle() {
		line += fmt.Sprintf(" %3d %%  layer %d/%d", s.Percent, s.Layer, s.TotalLayers)
		if s.RemainingSeconds > 0 {
			line += fmt.Sprintf("  %d min left", (s.RemainingSeconds+59)/60)
		}
	}
	line += fmt.Sprintf("  nozzle %.0f/%.0f °C  bed %.0f/%.0f °C", s.NozzleCelsius, s.NozzleTargetCelsius, s.BedCelsius, s.BedTargetCelsius)
	if s.FileName != "" {
		line += "  " + s.FileName
	}
	return line
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "dev-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "dev"
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	_, err := fmt.Fprintln(os.Stdout, "grove", version())
	return err
}
