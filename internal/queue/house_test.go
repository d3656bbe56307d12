package queue_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/access/accesstest"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serial = "01P00A000000001"
	life   = 20 * time.Minute // shorter than the default, for the sake of the clock that tests move
)

// records, printers and turns do what the server does: they hand the rooms to
// each other. A test can make the database fail.
type records struct {
	*store.DB
	*trouble
}

var errDown = grove.Errorf(grove.Unavailable, "database_busy", "the database is busy")

// trouble is what a test does to the database.
type trouble struct {
	jobIn    atomic.Int32              // so many changes of a job from now, one fails
	audits   atomic.Bool               // no act can be recorded
	printers atomic.Bool               // no printer can be changed
	turns    atomic.Bool               // nothing that printers say can be stored
	files    atomic.Bool               // no file can be found
	other    atomic.Bool               // another process dispatches
	stale    atomic.Pointer[grove.Job] // the next list of jobs is this one, as it once was
	looking  atomic.Pointer[func()]    // happens while the next file is looked for
}

func (r records) UpdateJob(ctx context.Context, id int64, change func(*grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Job, error) {
	if r.jobIn.Load() > 0 && r.jobIn.Add(-1) == 0 {
		return grove.Job{}, errDown
	}
	return r.DB.UpdateJob(ctx, id, change, acts...)
}

func (r records) Alone(ctx context.Context) error {
	if r.other.Load() {
		return grove.Errorf(grove.Conflict, "another_server", "another grove dispatches")
	}
	return r.DB.Alone(ctx)
}

func (r records) UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error) {
	if r.printers.Load() {
		return grove.Printer{}, errDown
	}
	return r.DB.UpdatePrinter(ctx, serial, fn, acts...)
}

func (r records) AddAudit(ctx context.Context, acts ...grove.AuditEntry) error {
	if r.audits.Load() {
		return errDown
	}
	return r.DB.AddAudit(ctx, acts...)
}

func (r records) Jobs(ctx context.Context, query grove.JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	if j := r.stale.Swap(nil); j != nil {
		return grove.List[grove.Job]{Items: []grove.Job{*j}}, nil
	}
	return r.DB.Jobs(ctx, query, page)
}

type printers struct{ *fleet.Fleet }

func (p printers) Start(ctx context.Context, o queue.Order) error {
	return p.Fleet.Start(ctx, fleet.Order{Start: o.Start, Serial: o.Serial, JobID: o.JobID, NotAfter: o.NotAfter, Quiet: o.Quiet})
}

type turns struct {
	*queue.Queue
	*trouble
}

func (t turns) Turn(ctx context.Context, turn fleet.Turn) error {
	if t.turns.Load() {
		return errDown
	}
	switch turn.Kind {
	case fleet.CameOnline:
		return t.Online(ctx, turn.Serial, turn.Shadow)
	case fleet.WentOffline:
		return t.Offline(ctx, turn.Serial, turn.Shadow)
	case fleet.StartAnswered:
		return t.Answered(ctx, turn.Serial, queue.Answer{Shadow: turn.Shadow, JobID: turn.JobID, OK: turn.OK, Reason: turn.Reason})
	case fleet.StartUnsent:
		return t.Unsent(ctx, turn.JobID)
	case fleet.HeatEnding:
		return t.HeatEnding(ctx, turn.Serial, turn.Shadow, turn.Until)
	case fleet.HeatOff:
		return t.HeatOff(ctx, turn.Serial, turn.Shadow, turn.Until, turn.OK)
	case fleet.Reported:
	}
	return t.Reported(ctx, turn.Serial, turn.Shadow, turn.Away)
}

func (t turns) Settled() { t.Kick() }

// shelf has the one file of these tests, for all that it is asked for but the others.
type shelf struct {
	file   *grove.File
	others map[string]grove.File // by id
	*trouble
}

func (s shelf) Find(_ context.Context, _ int64, id, _ string, _ int64) (grove.File, error) {
	if s.files.Load() {
		return grove.File{}, errDown
	}
	if meanwhile := s.looking.Swap(nil); meanwhile != nil {
		(*meanwhile)()
	}
	if f, is := s.others[id]; is {
		return f, nil
	}
	return *s.file, nil
}

func (s shelf) Ready(ctx context.Context, id string) (grove.File, error) {
	return s.Find(ctx, 0, id, "", 0)
}

func (s shelf) Content(context.Context, grove.File) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(strings.Repeat("G", int(s.file.SizeBytes)))), nil
}

func (shelf) KeepPicture(context.Context, int64, []byte) error { return errDown } // nothing there has a camera

func (shelf) ContentURL(grove.File, time.Duration) string { return "http://127.0.0.1/f/f_1" }

// machine is the far end of a printer's link: it answers what it is told to.
type machine struct {
	h      *house
	serial string
	mu     sync.Mutex
	report map[string]any // the print object
	starts []map[string]any
	stops  int
	lines  []string // G-code
	mute   bool     // answers no start
	refuse string   // answers starts with fail and this reason
	deaf   bool     // answers nothing at all
}

func (m *machine) Close(string) {}

func (m *machine) Send(payload []byte, _ time.Time, _ func()) error {
	var message map[string]map[string]any
	if err := json.Unmarshal(payload, &message); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf {
		return nil
	}
	for class, fields := range message {
		m.answer(class, fields)
	}
	return nil
}

func (m *machine) answer(class string, fields map[string]any) {
	switch fields["command"] {
	case "pushall":
		m.say(m.full())
	case "project_file":
		m.starts = append(m.starts, fields)
		if m.mute {
			return
		}
		fields["result"], fields["reason"] = "success", m.refuse
		if m.refuse != "" {
			fields["result"] = "fail"
		}
		m.say(map[string]any{class: fields})
	case "gcode_line", "set_bed_temp", "set_nozzle_temp":
		line, _ := fields["param"].(string)
		m.lines = append(m.lines, line)
		fields["result"] = "success"
		m.say(map[string]any{class: fields})
	case "stop":
		m.stops++
		fields["result"] = "success"
		m.say(map[string]any{class: fields})
	}
}

// gcodes are the lines of G-code that it heard.
func (m *machine) gcodes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines)
}

// cooled are those that switch heat off.
func (m *machine) cooled() []string {
	return slices.DeleteFunc(m.gcodes(), func(line string) bool { return !strings.HasSuffix(line, " S0\n") })
}

// full is a full report of the machine as it is.
func (m *machine) full() map[string]any {
	status := map[string]any{"command": "push_status", "msg": 0}
	maps.Copy(status, m.report)
	return map[string]any{"print": status}
}

// say lets the fleet hear something, not from within Send.
func (m *machine) say(message map[string]any) {
	raw, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	go m.h.fleet.Observe(m.serial, raw)
}

// becomes changes the machine and reports it.
func (m *machine) becomes(change map[string]any) {
	m.mu.Lock()
	maps.Copy(m.report, change)
	m.say(m.full())
	m.mu.Unlock()
	synctest.Wait()
}

// meanwhile is becomes for a room's own goroutine.
func (m *machine) meanwhile(change map[string]any) {
	m.mu.Lock()
	maps.Copy(m.report, change)
	m.say(m.full())
	m.mu.Unlock()
	<-time.After(time.Second)
}

func (m *machine) started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.starts)
}

func (m *machine) stopped() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stops
}

// prints makes the machine speak of the job it was last told to start.
func (m *machine) prints(state string) {
	m.mu.Lock()
	last := m.starts[len(m.starts)-1]
	m.mu.Unlock()
	m.becomes(map[string]any{"gcode_state": state, "task_id": last["task_id"], "subtask_id": last["subtask_id"]})
}

type house struct {
	gate   *access.Access
	t      *testing.T
	db     *store.DB
	sick   *trouble
	fleet  *fleet.Fleet
	queue  *queue.Queue
	actor  grove.Actor
	m      *machine
	file   grove.File            // the one there is
	others map[string]grove.File // but for these, by id
	toys   []string              // the printers that are simulated
	leave  func(string)
	shift  atomic.Int64  // of the wall clock, in nanoseconds
	pace   time.Duration // of the next queue that is opened; zero: 20 s
	stop   func()
}

// live runs a test in a bubble whose clock the test moves.
func live(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer func() { h.stop() }() // whichever is running by then
		test(t, h)
	})
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db := storetest.SQLite(t)
	u, err := db.CreateUser(t.Context(), grove.User{Email: "a@example.org", Name: "A", Role: grove.Owner})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, sick: new(trouble), others: map[string]grove.File{}, actor: grove.Actor{Kind: grove.ActorUser, UserID: u.ID}, file: grove.File{
		ID: "f_1", Name: "cube.gcode.3mf", Kind: "3mf", Printable: true, SizeBytes: 1000, MD5: "AB", Plates: []grove.Plate{{Index: 1, EstimateSeconds: 60}},
	}}
	h.open()
	if _, err := h.fleet.Bind(t.Context(), h.actor, fleet.Binding{Serial: serial, Name: "Bench", Model: "P1S", PlateClear: true}); err != nil {
		t.Fatal(err)
	}
	h.m = h.machine(serial)
	h.run()
	h.arrive()
	return h
}

func (h *house) machine(serial string) *machine {
	return &machine{h: h, serial: serial, report: map[string]any{"gcode_state": "IDLE", "task_id": "0", "subtask_id": "0"}}
}

// more binds and connects another machine, whose plate is clear.
func (h *house) more(serial, name, model string) *machine {
	h.t.Helper()
	if _, err := h.fleet.Bind(h.t.Context(), h.actor, fleet.Binding{Serial: serial, Name: name, Model: model, PlateClear: true}); err != nil {
		h.t.Fatal(err)
	}
	m := h.machine(serial)
	h.fleet.Attach(serial, m)
	synctest.Wait()
	return m
}

// open makes the rooms anew on the same database, as a restart does.
func (h *house) open() {
	h.t.Helper()
	registry, quiet := prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	h.gate = accesstest.New(h.t, h.db)
	var err error
	h.fleet, err = fleet.New(h.t.Context(), fleet.Config{
		Records: records{h.db, h.sick}, Gate: h.gate, Guesses: h.gate, PINs: h.gate, Tell: func(string, []byte) {}, Log: quiet, Registry: registry,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.queue = h.dispatcher(registry)
	h.fleet.Join(turns{h.queue, h.sick}, h.queue)
}

// dispatcher is a queue on the house's printers and database.
func (h *house) dispatcher(registry *prometheus.Registry) *queue.Queue {
	quiet := slog.New(slog.DiscardHandler)
	return queue.New(queue.Config{
		Records: records{h.db, h.sick}, Printers: printers{h.fleet}, Carriers: h.fleet, Files: shelf{&h.file, h.others, h.sick}, Gate: h.gate, Log: quiet, Registry: registry,
		Wall:      func() time.Time { return time.Now().Round(0).Add(time.Duration(h.shift.Load())) },
		Simulated: func(serial string) bool { return slices.Contains(h.toys, serial) },
		Life:      life, Pace: cmp.Or(h.pace, 20*time.Second),
	})
}

func (h *house) run() { h.runs(h.fleet.Run, h.queue.Run) }

func (h *house) runs(loops ...func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var both sync.WaitGroup
	for _, loop := range loops {
		both.Go(func() {
			if err := loop(ctx); err != nil {
				h.t.Error(err)
			}
		})
	}
	h.stop = func() { cancel(); both.Wait() }
}

// arrive connects the machine.
func (h *house) arrive() {
	h.leave = h.fleet.Attach(serial, h.m)
	synctest.Wait()
}

func (h *house) submit() grove.Job {
	h.t.Helper()
	j, err := h.queue.Submit(h.t.Context(), h.actor, queue.Submission{Serial: serial, FileID: "f_1"})
	if err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
	return j
}

func (h *house) state(id int64) grove.JobState { return h.job(id).State }

func (h *house) job(id int64) grove.Job {
	h.t.Helper()
	j, err := h.db.Job(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// waits is why a job waits, as programs are told.
func (h *house) waits(id int64) string {
	h.t.Helper()
	j, err := h.queue.Job(h.t.Context(), h.actor, id)
	if err != nil {
		h.t.Fatal(err)
	}
	if j.Waits == nil {
		return ""
	}
	return fmt.Sprint(j.Waits.Reason, " ", j.Waits.Values)
}

func (h *house) want(id int64, state grove.JobState) {
	h.t.Helper()
	if j := h.job(id); j.State != state {
		h.t.Fatalf("job is %s (%s), want %s", j.State, j.Why, state)
	}
}

func (h *house) events() []string {
	h.t.Helper()
	list, err := h.db.Events(h.t.Context(), h.actor.UserID, 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, string(e.Type))
	}
	return out
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
