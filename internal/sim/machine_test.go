package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/printfile"
)

// newTestMachine is a machine without a network.
func newTestMachine(t testing.TB, cfg Config) *machine {
	t.Helper()
	cfg.Serial, cfg.Broker = "01P00A000000001", "127.0.0.1:1"
	cfg, model, err := cfg.complete()
	must(t, err)
	return newMachine(cfg, model)
}

// startAtOnce is a start whose file arrives at once.
func startAtOnce(m *machine, task string) {
	m.hear(fmt.Appendf(nil, `{"print":{"command":"project_file","sequence_id":"1","param":"Metadata/plate_1.gcode","url":"http://x/cube.gcode.3mf","task_id":%q,"subtask_id":"n","use_ams":true,"ams_mapping":[0],"bed_leveling":true}}`, task))
	if m.order != nil {
		m.received(file{number: m.order.number, bytes: 3 << 20, grams: 20, timeline: printfile.Timeline{
			EstimateSeconds: 600, Layers: 10, Steps: []printfile.Step{
				{RemainingSeconds: 600, Tool: -1},
				{RemainingSeconds: 590, Nozzle: 220, Bed: 60, Tool: 0},
				{RemainingSeconds: 550, Percent: 5, Layer: 1, Nozzle: 220, Bed: 60},
				{RemainingSeconds: 300, Percent: 50, Layer: 5, Nozzle: 215, Bed: 55},
				{Percent: 100, Layer: 10},
			},
		}})
	}
	m.order = nil
}

func TestTheSameSeedSaysTheSame(t *testing.T) {
	t.Parallel()
	run := func(seed int64) []byte {
		var said bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			m := newTestMachine(t, Config{Model: "P2S", Seed: seed, Speed: 5})
			m.hear([]byte(`{"pushing":{"command":"pushall"}}`))
			startAtOnce(m, "1")
			for range 300 {
				m.tick(time.Now())
				for _, payload := range m.out {
					said.Write(payload)
				}
				m.out = nil
			}
			if m.state != stateFinish {
				t.Errorf("ended as %s", m.state)
			}
		})
		return said.Bytes()
	}
	first := run(7)
	if !bytes.Equal(first, run(7)) {
		t.Error("the same seed said something else")
	}
	if bytes.Equal(first, run(8)) {
		t.Error("another seed said the same")
	}
}

func TestAStartIsCarriedOutUpToFiveMinutesLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newTestMachine(t, Config{Faults: Faults{AcceptDelaySeconds: 300}})
		startAtOnce(m, "1")
		if len(m.out) != 0 {
			t.Errorf("answered at once: %s", m.out)
		}
		begun := time.Now()
		for m.state == stateIdle {
			<-time.After(time.Second)
			m.tick(time.Now())
		}
		if late := time.Since(begun); late != 300*time.Second {
			t.Errorf("carried out after %v", late)
		}
	})
}

func TestSomebodyClearsThePlateAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newTestMachine(t, Config{Begin: BeginFinished, AutoClearPlate: time.Minute})
		for range 59 {
			<-time.After(time.Second)
			m.tick(time.Now())
		}
		if m.plate.clear {
			t.Error("cleared too early")
		}
		<-time.After(time.Second)
		m.tick(time.Now())
		if !m.plate.clear {
			t.Error("not cleared")
		}
	})
}

func TestNoStatePassesUnreportedHoweverFast(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{Speed: 600})
	startAtOnce(m, "1")
	var states []string
	for range 200 {
		m.out = nil
		m.tick(time.Now())
		for _, payload := range m.out {
			var report struct {
				Print struct {
					State string `json:"gcode_state"`
				}
			}
			must(t, json.Unmarshal(payload, &report))
			if report.Print.State != "" {
				states = append(states, report.Print.State)
			}
		}
	}
	if diff := cmp.Diff([]string{"PREPARE", "RUNNING", "FINISH"}, slices.Compact(states)); diff != "" {
		t.Errorf("states (-want +got)\n%s", diff)
	}
}

func TestAPausedPrintStandsStill(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{Speed: 2})
	startAtOnce(m, "1")
	for m.job.layer < 1 {
		m.tick(time.Now())
	}
	must(t, m.pause(stagePaused))
	at, left := m.job.elapsed, m.ams.units[0].trays[0].left
	for range 100 {
		m.tick(time.Now())
	}
	if m.job.elapsed != at || m.ams.units[0].trays[0].left != left {
		t.Errorf("went on by %g s", m.job.elapsed-at)
	}
	if m.heat.nozzle[0].target != 220 {
		t.Errorf("the heaters must be kept, nozzle at %g", m.heat.nozzle[0].target)
	}
}

func TestAPersonsTemperatureHoldsUntilTheFileSetsAnother(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{Speed: 5})
	startAtOnce(m, "1")
	for m.job.layer < 1 {
		m.tick(time.Now())
	}
	m.hear([]byte(`{"print":{"command":"set_nozzle_temp","param":"240"}}`))
	for m.job.layer < 5 {
		if m.heat.nozzle[0].target != 240 {
			t.Fatalf("target %g in layer %d", m.heat.nozzle[0].target, m.job.layer)
		}
		m.tick(time.Now())
	}
	if m.heat.nozzle[0].target != 215 {
		t.Errorf("target %g after the file's own", m.heat.nozzle[0].target)
	}
}

func TestHeatingTakesItsTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now, goal, rate, d, want float64
	}{
		{25, 220, 2, 10, 45},       // 2 °C a second
		{25, 220, 2, 92.5, 210},    // until the last ten degrees
		{210, 220, 2, 5, 216.32},   // which take longer
		{220, 25, 2, 10, 200},      // and down again
		{25, 220, 2, 1000, 220},    // never beyond
		{60, 60, 0.8, 1000, 60},    // nor away
		{205, 220, 2, 7.5, 216.32}, // both parts in one go
	} {
		if got := approach(c.now, c.goal, c.rate, c.d); math.Abs(got-c.want) > 0.01 {
			t.Errorf("from %g to %g in %g s: %g, want %g", c.now, c.goal, c.d, got, c.want)
		}
	}
}

func TestIdsAreClampedAsPrintersDo(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "0", "0": "0", "731905": "731905", "2147483647": "2147483647", "2147483648": "2147483647",
		"99999999999999999999": "2147483647", "a1b2": "a1b2",
	} {
		if got := id(in); got != want {
			t.Errorf("id(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSlotsAreAsInARealAMS(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{})
	var empty, untagged, tagged int
	for _, tray := range m.ams.units[0].trays {
		switch {
		case tray.kind == "":
			empty++
		case tray.remain() == -1:
			untagged++
		default:
			tagged++
		}
	}
	if empty == 0 || untagged == 0 || tagged == 0 {
		t.Errorf("%d empty, %d without a tag, %d with", empty, untagged, tagged)
	}
	if m := newTestMachine(t, Config{NoAMS: true}); m.ams != nil {
		t.Error("an AMS that was not wished for")
	}
}

func TestASecondUnitIsReportedLoadedAndUsedUp(t *testing.T) {
	t.Parallel()
	for model, module := range map[string]string{"P1S": "ams/1", "X1C": "ams/1", "H2D": "n3f/1"} {
		m := newTestMachine(t, Config{Model: model, TwoAMS: true, Speed: 20})
		if versions := string(m.versions()); !strings.Contains(versions, `"`+module+`"`) {
			t.Errorf("%s: its modules are %s", model, versions)
		}
		m.hear([]byte(`{"print":{"command":"project_file","url":"http://x/y.3mf","use_ams":true,"ams_mapping":[6]}}`))
		m.received(file{number: m.order.number, grams: 100, timeline: printfile.Timeline{EstimateSeconds: 600, Steps: []printfile.Step{{RemainingSeconds: 600}, {Percent: 100}}}})
		before := m.ams.units[1].trays[2].left
		for m.state != stateFinish {
			m.tick(time.Now())
		}
		if used := before - m.ams.units[1].trays[2].left; m.ams.now != 6 || math.Abs(used-100) > 1 {
			t.Errorf("%s: tray_now %d, %g g used", model, m.ams.now, used)
		}
		var told struct {
			Units []struct{ ID string } `json:"ams"`
			Exist string                `json:"ams_exist_bits"`
			Trays string                `json:"tray_exist_bits"`
			Now   string                `json:"tray_now"`
		}
		must(t, json.Unmarshal(m.ams.append(nil, 25), &told))
		if len(told.Units) != 2 || told.Units[1].ID != "1" || told.Exist != "3" || told.Trays != "77" || told.Now != "6" {
			t.Errorf("%s tells %+v", model, told)
		}
	}
	for _, model := range []string{"A1", "A1 mini", "A2L"} {
		if _, err := New(Config{Serial: "03000A000000001", Model: model, TwoAMS: true, LAN: &LAN{AccessCode: testCode}}); !grove.HasReason(err, "sim_ams") {
			t.Errorf("%s bears two: %v", model, err)
		}
	}
}

func TestTheTrayOfTheFirstToolIsLoadedAndUsedUp(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{Speed: 20})
	m.hear([]byte(`{"print":{"command":"project_file","url":"http://x/y.3mf","use_ams":true,"ams_mapping":[-1,2]}}`))
	m.received(file{number: m.order.number, grams: 100, timeline: printfile.Timeline{EstimateSeconds: 600, Steps: []printfile.Step{
		{RemainingSeconds: 600, Tool: -1}, {RemainingSeconds: 590, Tool: 1}, {Percent: 100, Tool: 1},
	}}})
	before := m.ams.units[0].trays
	for m.state != stateFinish {
		m.tick(time.Now())
	}
	if m.ams.now != 2 {
		t.Errorf("tray_now %d", m.ams.now)
	}
	for i, tray := range m.ams.units[0].trays {
		used := before[i].left - tray.left
		if want := map[int]float64{2: 100}[i]; math.Abs(used-want) > 1 {
			t.Errorf("tray %d: %g g used, want %g", i, used, want)
		}
	}
}

// What the simulator says must be what the cloud's own reader understands.
func TestTheCloudUnderstandsEveryModel(t *testing.T) {
	t.Parallel()
	for _, model := range bambu.Models() {
		m := newTestMachine(t, Config{Model: model.Code, Begin: BeginPrinting})
		m.faults.HMS = []HMS{{Attr: 0x03000100, Code: 0x00010001}}
		m.hear([]byte(`{"pushing":{"command":"pushall"}}`))
		state := bambu.NewState()
		for range 10 {
			for _, payload := range m.out {
				if !json.Valid(payload) {
					t.Fatalf("%s: %s", model.Name, payload)
				}
				_, err := state.Merge(payload)
				must(t, err)
			}
			m.out = nil
			m.tick(time.Now())
		}
		s := state.Shadow()
		if s.State != "RUNNING" || s.FileName != "benchy" || s.Percent < 10 || s.TotalLayers != 240 || s.TaskID != "0" ||
			s.NozzleTargetCelsius != 220 || math.Abs(s.NozzleCelsius-220) > 1 || s.BedTargetCelsius != 60 || !s.LightOn || len(s.HMS) != 1 {
			t.Errorf("%s: %+v", model.Name, s)
		}
		if len(s.AMS) != 1 || len(s.AMS[0].Trays) != 4 {
			t.Errorf("%s: AMS %+v", model.Name, s.AMS)
		}
		if model.ChamberSensor && math.Abs(s.ChamberCelsius-ambient) > 10 {
			t.Errorf("%s: chamber %g", model.Name, s.ChamberCelsius)
		}
	}
}

func TestTheLedgerKeepsWholeLinesOfMany(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	for range 2 { // opened again, it goes on
		ledger, err := OpenLedger(path)
		must(t, err)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				m := newTestMachine(t, Config{Ledger: ledger})
				startAtOnce(m, strconv.Itoa(i))
				if m.fault != nil {
					t.Error(m.fault)
				}
			})
		}
		all.Wait()
		must(t, ledger.Close())
	}
	text, err := os.ReadFile(path)
	must(t, err)
	var tasks []string
	for line := range strings.Lines(string(text)) {
		var s Start
		must(t, json.Unmarshal([]byte(line), &s))
		tasks = append(tasks, s.TaskID)
	}
	slices.Sort(tasks)
	if len(tasks) != 16 || len(slices.Compact(tasks)) != 8 {
		t.Errorf("%d lines", len(tasks))
	}
}

func TestAStartThatCannotBeWrittenDownEndsThePrinter(t *testing.T) {
	t.Parallel()
	ledger, err := OpenLedger(filepath.Join(t.TempDir(), "ledger"))
	must(t, err)
	must(t, ledger.Close())
	m := newTestMachine(t, Config{Ledger: ledger})
	startAtOnce(m, "1")
	if m.fault == nil || m.state != stateIdle {
		t.Errorf("state %s, fault %v", m.state, m.fault)
	}
}

func TestNoiseOnTheRequestTopicChangesNothing(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "{", "null", "[]", `{"print":1}`, `{"print":{}}`, `{"dance":{"command":"x"}}`, "\x00\xff"} {
		m := newTestMachine(t, Config{})
		m.hear([]byte(payload))
		if m.state != stateIdle || len(m.out) != 0 {
			t.Errorf("%q: state %s, said %s", payload, m.state, m.out)
		}
	}
}

// FuzzHear proves that no request, in whatever state, makes a printer panic or
// say what is not JSON.
func FuzzHear(f *testing.F) {
	for key := range commands {
		class, command, _ := strings.Cut(key, ".")
		f.Add(fmt.Appendf(nil, `{%q:{"command":%q,"sequence_id":"1","param":"1","ams_id":0,"slot_id":1,"temp":50}}`, class, command))
	}
	f.Add([]byte(`{"print":{"command":"gcode_line","param":"M104 T9 S220\nM106 P-1 S-5\nM620 P99\nG28\nM400 U1"}}`))
	f.Add([]byte(`{"print":{"command":"project_file","ams_mapping":[-5,1e3],"param":"Metadata/plate_9999.gcode"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, begin := range []Begin{BeginIdle, BeginPrinting} {
			m := newTestMachine(t, Config{Model: "H2D", Begin: begin})
			m.hear(payload)
			m.hear(payload)
			m.received(file{err: os.ErrNotExist})
			for range 3 {
				m.tick(time.Now())
			}
			for _, said := range m.out {
				if !json.Valid(said) {
					t.Fatalf("after %q it said %q", payload, said)
				}
			}
		}
	})
}

func BenchmarkTick(b *testing.B) {
	for _, model := range []string{"P1S", "X1C", "H2D"} {
		b.Run(model, func(b *testing.B) {
			m := newTestMachine(b, Config{Model: model, Begin: BeginPrinting})
			m.asked = true
			said := 0
			b.ReportAllocs()
			for b.Loop() {
				m.tick(time.Now())
				for _, payload := range m.out {
					said += len(payload)
				}
				m.out = nil
				m.job.elapsed = 100 // never done
			}
			b.ReportMetric(float64(said)/float64(b.N), "B/report")
		})
	}
}
