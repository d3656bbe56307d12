package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/bridge"
	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/printfile/sample"
)

// mishap is what goes wrong with one printer of the farm, and how its print ends.
type mishap struct {
	name    string // of its line in docs/printers.md; "" for a printer that is well
	model   string
	size    int // of the file, at least; it prints longer then
	before  func(*stand) error
	during  func(*stand) error // once it prints
	healed  func(*stand) error // once it was told
	until   string             // what was told then; "" all that the manual says
	ends    grove.JobState
	printed int // physical starts
}

// stand is one printer of the farm with who watches it.
type stand struct {
	mishap
	h        *house
	sim      *sim.Printer
	bridge   string // that carries it; "" where the server does itself
	watchers [2]<-chan string
	seen     [2]map[string]bool // states that each watcher saw
	heard    []string           // what a person was told
	owed     []string           // what the manual says they are told
	job      int64
	steps    []step
}

// step is one that a printer waits for, and what is done then.
type step struct {
	what string
	at   func() bool // what the printer itself must be at before anybody is asked; nil: anything
	come func(grove.Job, grove.Live) bool
	then func(*stand) error
}

func fault(change func(*sim.Faults)) func(*stand) error {
	return func(s *stand) error {
		return s.sim.ChangeFaults(func(f *sim.Faults) error { change(f); return nil })
	}
}

// both does one after the other.
func both(one, two func(*stand) error) func(*stand) error {
	return func(s *stand) error {
		if err := one(s); err != nil {
			return err
		}
		return two(s)
	}
}

var well = fault(func(f *sim.Faults) { *f = sim.Faults{} })

func pairs(in cloudapi.LANPair) func(*stand) error {
	return func(s *stand) error {
		_, err := s.h.client.PairPrinter(s.h.t.Context(), s.sim.Serial(), in)
		return err
	}
}

// again prints once more and follows that job.
func again(s *stand) (err error) {
	s.job, err = s.print()
	return err
}

func resume(s *stand) error {
	_, err := s.h.client.Command(s.h.t.Context(), s.sim.Serial(), []byte(`{"print":{"command":"resume"}}`))
	return err
}

// checkDoor lets an open door hold the print.
func checkDoor(s *stand) error {
	_, err := s.h.client.Command(s.h.t.Context(), s.sim.Serial(), []byte(`{"system":{"command":"set_door_stat","config":2}}`))
	return err
}

// farm are twenty printers. Those whose faults take long come first.
func farm() []mishap {
	const long = 150_000
	cut := fault(func(f *sim.Faults) { f.PowerOff = true })
	return []mishap{
		{name: "stall", model: "P1S", size: long, during: fault(func(f *sim.Faults) { f.Stall = sim.StallOn }), healed: well, ends: grove.Finished, printed: 1},
		{name: "power_off", model: "A1", size: long, during: cut, healed: well, until: "went offline while printing", ends: grove.Failed, printed: 1},
		{
			name: "access code", model: "X1C", size: long, during: func(s *stand) error { return s.sim.SetAccessCode("abcd1234") },
			healed: pairs(cloudapi.LANPair{AccessCode: "abcd1234"}), ends: grove.Finished, printed: 1,
		},
		{name: "runout", model: "P1P", size: long, during: fault(func(f *sim.Faults) { f.Runout = true }), healed: both(well, resume), ends: grove.Finished, printed: 1},
		{name: "clog", model: "A1 mini", size: long, during: fault(func(f *sim.Faults) { f.Clog = true }), healed: both(well, resume), ends: grove.Finished, printed: 1},
		{name: "bytes_per_second", model: "P2S", size: 60_000, before: fault(func(f *sim.Faults) { f.Files.BytesPerSecond = 20_000 }), ends: grove.Finished, printed: 1},
		{name: "accept_delay_seconds", model: "H2S", before: fault(func(f *sim.Faults) { f.AcceptDelaySeconds = 3 }), ends: grove.Finished, printed: 1},
		{name: "finished_for_seconds", model: "H2C", before: fault(func(f *sim.Faults) { f.FinishedFor = 3 }), ends: grove.Finished, printed: 1},
		{
			name: "finished_while_printing", model: "X2D", size: long, during: fault(func(f *sim.Faults) { f.FinishedWhilePrinting = true }),
			until: "Clear the plate", healed: again, ends: grove.Queued, printed: 1,
		},
		{name: "refuse_starts", model: "P1S", before: fault(func(f *sim.Faults) { f.RefuseStarts = true }), ends: grove.Failed},
		{name: "signature_required", model: "P1S", before: fault(func(f *sim.Faults) { f.SignatureRequired = true }), ends: grove.Failed},
		{name: "no_card", model: "A1", before: fault(func(f *sim.Faults) { f.NoCard = true }), ends: grove.Failed},
		{name: "cut_after_bytes", model: "X1E", size: long, before: fault(func(f *sim.Faults) { f.Files.CutAfterBytes = 100_000 }), ends: grove.Failed},
		{
			name: "hms", model: "H2D Pro", before: fault(func(f *sim.Faults) { f.HMS = []sim.HMS{{Attr: 0x03000100, Code: 0x00010001}} }),
			healed: well, ends: grove.Finished, printed: 1,
		},
		{
			name: "other_key", model: "X1", before: fault(func(f *sim.Faults) { f.Certificate = sim.OtherKey }),
			healed: pairs(cloudapi.LANPair{NewKey: true}), ends: grove.Failed,
		},
		{name: "other_name", model: "A2L", before: fault(func(f *sim.Faults) { f.Certificate = sim.OtherName }), ends: grove.Failed},
		{
			name: "door_open", model: "X1C", size: long, before: checkDoor, during: fault(func(f *sim.Faults) { f.DoorOpen = true }),
			healed: both(well, resume), ends: grove.Finished, printed: 1,
		},
		{name: "false_end", model: "P1S", before: fault(func(f *sim.Faults) { f.Files.FalseEnd = true }), ends: grove.Finished, printed: 1},
		{name: "late_end_seconds", model: "A1 mini", before: fault(func(f *sim.Faults) { f.Files.LateEndSeconds = 5 }), ends: grove.Finished, printed: 1},
		{model: "H2D", ends: grove.Finished, printed: 1},
	}
}

// address is one for each printer where the system has that many.
func address(network, n int) string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.0.%d.%d", network, n)
}

// The whole of it: twenty printers of many models are found, added, printed on and
// watched by two clients each, while most of them go wrong in one way or another.
//
//nolint:paralleltest // twenty printers want the machine for themselves
func TestAFarmOfPrintersThatGoWrong(t *testing.T) {
	goWrong(t, 1, false)
}

//nolint:paralleltest // as beside the server
func TestAFarmBehindABridgeThatGoesWrong(t *testing.T) {
	goWrong(t, 2, true)
}

// goWrong has the farm in a network of its own, beside the server or elsewhere.
func goWrong(t *testing.T, network int, elsewhere bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	book, err := sim.OpenLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	c := lanConfig(t)
	c.TLS = elsewhere
	c.lan.Ping = time.Second // twenty printers take their time on a busy machine
	all := stands(t, network, book)
	find := bridge.Find{Ports: []int{}, Detect: closedPort(t), DetectTLS: closedPort(t), MQTTS: []int{closedPort(t)}}
	for _, s := range all {
		find.Ask = append(find.Ask, s.sim.SearchAddr())
	}
	if !elsewhere {
		c.lan.Find = find
	}
	h := owned(t, c)
	var ports []int
	for _, s := range all {
		s.h = h
		h.plug(s.sim)
		at := s.sim.Ports()
		ports = append(ports, at.MQTTS, at.FTPS)
	}
	if elsewhere {
		made, _, _ := h.bridged(all[0].sim, func(c *bridge.RemoteConfig) { c.Ports, c.Find, c.Fence = ports, find, bridge.Fence{} })
		for _, s := range all {
			s.bridge = made.ID
		}
	}
	h.found(network, all)
	h.each(all, (*stand).enter)
	for _, s := range all {
		h.connected(s.sim.Serial())
		for i := range s.watchers {
			s.watchers[i], s.seen[i] = h.subscribe(s.sim.Serial()), map[string]bool{}
		}
	}
	if n := h.links(); n != len(all) {
		t.Errorf("%d links", n)
	}
	h.each(all, (*stand).begin)
	h.follow(all)
	h.judge(all, ledger(t, path))
}

// stands are the farm, each printer at an address of its own.
func stands(t *testing.T, network int, book *sim.Ledger) (all []*stand) {
	t.Helper()
	manual := told(t)
	for i, m := range farm() {
		model, ok := bambu.LookupModel(m.model)
		if !ok {
			t.Fatalf("no model %s", m.model)
		}
		p, err := sim.New(sim.Config{
			Serial: fmt.Sprintf("%sA%03d%05d", model.SerialPrefix, network, i), Model: model.Code, Name: fmt.Sprintf("Farm %d", i), HTTP: web,
			Speed: 350, Tick: 100 * time.Millisecond, Seed: int64(i), Ledger: book, Log: slog.New(slog.DiscardHandler),
			LAN: &sim.LAN{
				Addr: address(network, i+1), AccessCode: lanCode, Maker: maker,
				SSDP: &sim.SSDP{To: []string{"127.0.0.1:9"}, Listen: address(network, i+1) + ":0"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &stand{mishap: m, sim: p, owed: manual[m.name]})
		if m.name != "" && len(manual[m.name]) == 0 {
			t.Errorf("docs/printers.md does not say what is told when %s goes wrong", m.name)
		}
	}
	return all
}

// told are the words that docs/printers.md promises for each fault.
func told(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/printers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "\n## What you are told\n")
	if !ok {
		t.Fatal("docs/printers.md does not say what is told")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	all := map[string][]string{}
	for name := range faultNames(t) {
		if !strings.Contains(table, "\n| `"+name+"` | ") {
			t.Errorf("docs/printers.md does not say what is told of the fault %s", name)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_ ]+)` \\|(.*)$").FindAllStringSubmatch(table, -1) {
		for _, words := range regexp.MustCompile(`“([^”]+)”`).FindAllStringSubmatch(row[2], -1) {
			all[row[1]] = append(all[row[1]], words[1])
		}
	}
	return all
}

// faultNames are those of the simulator, of files and certificates one by one.
func faultNames(t *testing.T) map[string]any {
	t.Helper()
	text, err := json.Marshal(sim.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	maps.Copy(all, all["files"].(map[string]any))
	all["access code"], all[string(sim.OtherKey)], all[string(sim.OtherName)] = nil, nil, nil
	delete(all, "files")
	delete(all, "certificate")
	delete(all, "camera") // goes wrong for who looks, not for a print
	return all
}

// found wants a search to find all of them.
func (h *house) found(network int, all []*stand) {
	h.t.Helper()
	found, err := h.client.DiscoverPrinters(h.t.Context(), cloudapi.LANSearch{Bridge: all[0].bridge, Subnet: fmt.Sprintf("127.0.%d.0/27", network), WaitSeconds: 2})
	if err != nil {
		h.t.Fatal(err)
	}
	by := map[string]grove.FoundPrinter{}
	for _, f := range found {
		by[f.Serial] = f
	}
	for _, s := range all {
		f, ok := by[s.sim.Serial()]
		if !ok || f.Model != s.sim.Status().Model || f.Host != s.sim.Ports().Host || f.Bound {
			h.t.Errorf("%s of %d is found as %+v", s.sim.Serial(), len(found), f)
		}
	}
}

// each does something with all of them at once.
func (h *house) each(all []*stand, do func(*stand) error) {
	h.t.Helper()
	var g errgroup.Group
	for _, s := range all {
		g.Go(func() error { return do(s) })
	}
	if err := g.Wait(); err != nil {
		h.t.Fatal(err)
	}
}

// enter adds the printer.
func (s *stand) enter() error {
	_, err := s.h.client.AddPrinter(s.h.t.Context(), behind(s.bridge, s.sim))
	return err
}

// print uploads a file for this model and starts it.
func (s *stand) print() (job int64, err error) {
	body := sample.ThreeMF(sample.Model(s.sim.Status().Model), sample.Layers(10), sample.Seconds(600))
	name := "cube.gcode.3mf"
	if s.size > 0 {
		body = sample.Gcode(sample.Model(s.sim.Status().Model), sample.Layers(10), sample.Seconds(9000), sample.Size(s.size))
		name = "long.gcode"
	}
	item, err := s.h.client.Upload(s.h.t.Context(), client.Upload{Name: name, Size: int64(len(body)), Body: bytes.NewReader(body)})
	if err != nil {
		return 0, err
	}
	started, err := s.h.client.Print(s.h.t.Context(), cloudapi.PrintRequest{DeviceID: s.sim.Serial(), FileID: item.FileID})
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(started.JobID, 10, 64)
}

// begin lets go wrong what is wrong from the beginning, prints, and says what is
// waited for.
func (s *stand) begin() (err error) {
	if s.before != nil {
		if err := s.before(s); err != nil {
			return err
		}
	}
	if s.job, err = s.print(); err != nil {
		return err
	}
	if s.during != nil {
		s.steps = append(s.steps, step{"it prints", func() bool { return s.sim.State() == "RUNNING" }, func(_ grove.Job, l grove.Live) bool { return l.Connected }, s.during})
	}
	if s.healed != nil {
		s.steps = append(s.steps, step{"it is told", nil, func(grove.Job, grove.Live) bool { return s.isTold(s.until) }, s.healed})
	}
	s.steps = append(s.steps,
		step{"the job is " + string(s.ends), nil, func(j grove.Job, _ grove.Live) bool { return j.State == s.ends }, nil},
		step{"all is told", nil, func(grove.Job, grove.Live) bool { return s.isTold("") }, nil})
	return nil
}

// isTold reports whether these words were told, or all that the manual says.
func (s *stand) isTold(words string) bool {
	want := s.owed
	if words != "" {
		want = []string{words}
	}
	all := strings.Join(s.heard, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

// hear keeps what is new of what a person is told.
func (s *stand) hear(words string) {
	if words != "" && !slices.Contains(s.heard, words) {
		s.heard = append(s.heard, words)
	}
}

// follow takes every printer from step to step; what one waits for holds up no other.
func (h *house) follow(all []*stand) {
	h.t.Helper()
	ctx, end := context.WithTimeout(h.t.Context(), 80*time.Second)
	defer end()
	over := make(chan struct{})
	var counting sync.WaitGroup
	counting.Go(func() { h.count(all, over) })
	h.each(all, func(s *stand) error { return s.follow(ctx) })
	close(over)
	counting.Wait()
	for _, s := range all {
		if len(s.steps) > 0 {
			h.t.Errorf("%s %s: waited too long until %s; told %q, owed %q", s.model, s.name, s.steps[0].what, s.heard, s.owed)
		}
	}
}

// count wants no printer to have more than one MQTT client, until the whole farm is
// through.
func (h *house) count(all []*stand, over <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, s := range all {
			if n := s.sim.Clients(); n > 1 {
				h.t.Errorf("%s %s: %d MQTT clients", s.model, s.name, n)
			}
		}
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

// follow takes this one to its last step, or to the end of ctx.
func (s *stand) follow(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(s.steps) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.look(); err != nil {
			return err
		}
	}
	return nil
}

// notified hears the notifications.
func (s *stand) notified() error {
	notes, err := s.h.client.Notifications(s.h.t.Context(), false, grove.Page{Limit: 100})
	if err != nil {
		return err
	}
	for _, n := range notes.Items {
		if s.sim.Serial() == n.DeviceID {
			s.hear(n.Message)
		}
	}
	return nil
}

// look takes one printer on by at most a step.
func (s *stand) look() error {
	t := s.h.t
	for i, w := range s.watchers {
		s.watch(i, w)
	}
	next := s.steps[0]
	if next.at != nil && !next.at() {
		return nil
	}
	if err := s.notified(); err != nil {
		return err
	}
	j, err := s.h.client.Job(t.Context(), s.job)
	if err != nil {
		return err
	}
	l, err := s.h.client.Printer(t.Context(), s.sim.Serial())
	if err != nil {
		return err
	}
	s.hear(string(j.State) + ": " + j.Why)
	s.hear(l.Trouble)
	s.hear(l.Shadow.State)
	for _, h := range l.Shadow.HMS {
		s.hear(h.Code)
	}
	if !next.come(j, l) {
		return nil
	}
	s.steps = s.steps[1:]
	if next.then != nil {
		if err := next.then(s); err != nil {
			return fmt.Errorf("%s %s: after %s: %w", s.model, s.name, next.what, err)
		}
	}
	return nil
}

var stateWord = regexp.MustCompile(`"gcode_state": ?"([A-Z]+)"`)

// watch notes the states that a client saw.
func (s *stand) watch(i int, reports <-chan string) {
	for {
		select {
		case r := <-reports:
			if m := stateWord.FindStringSubmatch(r); m != nil {
				s.seen[i][m[1]] = true
			}
		default:
			return
		}
	}
}

// judge looks at the ledger, the connections and the watchers.
func (h *house) judge(all []*stand, book []sim.Start) {
	h.t.Helper()
	starts := map[string]int{}
	perJob := map[string]int{}
	for _, start := range book {
		starts[start.Serial]++
		if perJob[start.TaskID]++; perJob[start.TaskID] > 1 || !start.PlateClear {
			h.t.Errorf("started %d times, or onto a part: %+v", perJob[start.TaskID], start)
		}
	}
	for _, s := range all {
		if testing.Verbose() {
			h.t.Logf("%s %s: %q %v", s.model, s.name, s.heard, s.seen)
		}
		if n := starts[s.sim.Serial()]; n != s.printed {
			h.t.Errorf("%s %s: %d starts, want %d", s.model, s.name, n, s.printed)
		}
		for i, w := range s.watchers {
			if s.ends != grove.Finished {
				continue
			}
			until(h.t, s.model+" is seen to end", func() bool { s.watch(i, w); return s.seen[i]["FINISH"] })
			if !s.seen[i]["RUNNING"] && s.name != "finished_for_seconds" {
				h.t.Errorf("%s: watcher %d saw %v", s.model, i, s.seen[i])
			}
		}
		until(h.t, s.name+" has one client", func() bool { return s.sim.Clients() == 1 })
	}
}
