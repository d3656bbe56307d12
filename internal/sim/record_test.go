package sim

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove/printfile/sample"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tape is a recording that grows while it is looked at.
type tape struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *tape) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *tape) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// A run with everything in it — requests of two sides, a file, faults, a power
// cut — says the same again, byte for byte, with nobody connected.
func TestARecordedRunRepeatsExactly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := &tape{}
	b := r.printer(t, Config{LAN: &LAN{AccessCode: testCode, Maker: testMaker}, Model: "P2S", Serial: "22E00A000000001", Seed: 7, Speed: 150, Record: first})
	near := &bench{Printer: b.Printer, t: t, heard: make(chan []byte, 10000), print: map[string]any{}}
	near.viewer = dialLAN(t, b.Printer, "near", testCode)
	wait(t, near.viewer.Subscribe("device/"+b.Serial()+"/report", 0, near.hear))
	near.pushall()
	b.succeed("print", "project_file", r.project(sample.ThreeMF(sample.Seconds(600))))
	b.until("gcode_state", "RUNNING")
	near.succeed("print", "pause", nil)
	b.goWrong(Faults{HMS: []HMS{{Attr: 0x03000100, Code: 0x00010001}}})
	b.until("hms.0.attr", 0x03000100)
	near.succeed("print", "resume", nil)
	b.until("gcode_state", "FINISH")
	b.ClearPlate()
	b.goWrong(Faults{PowerOff: true})
	b.goWrong(Faults{})
	b.off()
	must(t, <-b.stopped)
	b.stopped <- nil

	recording, err := ReadRecording(strings.NewReader(first.String()))
	must(t, err)
	second := &tape{}
	cfg := recording.Onto(Config{LAN: &LAN{AccessCode: testCode, Maker: testMaker}, Record: second})
	again := &bench{t: t}
	again.Printer, err = New(cfg)
	must(t, err)
	again.on()
	want := first.String()
	soon(t, "the whole run comes again", func() bool { return len(second.String()) >= len(want) })
	if got := second.String()[:len(want)]; got != want {
		wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
		for i := range wants {
			if wants[i] != gots[i] {
				t.Fatalf("line %d is\n%s\nwant\n%s", i, gots[i], wants[i])
			}
		}
	}
	if !strings.Contains(want, `"gcode_state":"FINISH"`) || strings.Count(want, "\n") < 25 {
		t.Errorf("there is little in the recording: %d lines", strings.Count(want, "\n"))
	}
	if err := again.ChangeFaults(func(*Faults) error { return nil }); err == nil {
		t.Error("a repeated run can be changed")
	}
}

// The same printer told the same at the same ticks: without any clock or network,
// since those are what a recording must not depend on.
func TestTheSameSeedAndCommandsMakeTheSameRecording(t *testing.T) {
	t.Parallel()
	run := func(seed int64) string {
		var text bytes.Buffer
		cfg := Config{Serial: "01P00A000000001", LAN: &LAN{AccessCode: testCode, Maker: testMaker}, Seed: seed, Speed: 20, Record: &text}
		p, err := New(cfg)
		must(t, err)
		defer p.Close()
		for i := range 200 {
			switch i {
			case 3:
				p.happen(heard([]byte(`{"pushing":{"command":"pushall"}}`)))
			case 10:
				p.happen(heard([]byte("{\"print\":{\"command\":\"calibration\",\"option\":3}}\x00")))
			case 50:
				must(t, p.ChangeFaults(func(f *Faults) error { return f.Merge([]byte(`{"door_open":true}`)) }))
			}
			p.happen(input{ticked: true})
			p.m.out = nil
			<-time.After(time.Microsecond) // the clock of the day goes on
		}
		return text.String()
	}
	first := run(3)
	if first != run(3) {
		t.Error("the same seed made another recording")
	}
	if first == run(4) {
		t.Error("another seed made the same")
	}
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", "noise", `{"serial":"x"}` + "\n" + `{"tick":"one"}`, `{"serial":"x","colour":"red"}`} {
		if _, err := ReadRecording(strings.NewReader(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestARecordingThatCannotBeWrittenEndsThePrinter(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{Serial: "01P00A000000001", LAN: &LAN{AccessCode: testCode, Maker: testMaker}, Record: broken{}}); err == nil {
		t.Error("it goes on without its recording")
	}
}
