package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/access/accesstest"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const serial = "01P00A000000001"

// house is a fleet on a real database, with a printer that stands for itself.
type house struct {
	*fleet.Fleet
	t     testing.TB
	db    *store.DB
	actor grove.Actor
	gate  *access.Access
	turns *turns
	told  *lines
}

type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.all
	l.all = nil
	return out
}

type turns struct {
	records fleet.Records
	mu      sync.Mutex
	seen    []fleet.Turn
	fail    error
}

func (t *turns) Turn(_ context.Context, turn fleet.Turn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail != nil {
		return t.fail
	}
	t.seen = append(t.seen, turn)
	return nil
}

func (t *turns) Settled() {}

func (t *turns) KeepHeat(ctx context.Context, _ string, _ time.Time, act grove.AuditEntry) error {
	return t.records.AddAudit(ctx, act)
}

func (t *turns) all() []fleet.Turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.seen)
}

func (t *turns) kinds() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, s := range t.seen {
		k := string(s.Kind)
		if s.Kind == fleet.Reported {
			k += "=" + s.Shadow.State
		}
		out = append(out, k)
	}
	return strings.Join(out, " ")
}

func (t *turns) Wish(context.Context, grove.Actor, string, bambu.StartWish) (grove.Job, error) {
	return grove.Job{ID: 700000001}, nil
}

// user adds an account.
func (h *house) user(u grove.User) grove.User {
	h.t.Helper()
	u, err := h.db.CreateUser(h.t.Context(), u)
	if err := errors.Join(err, h.gate.Rights.Refresh(h.t.Context())); err != nil {
		h.t.Fatal(err)
	}
	return u
}

func newHouse(t testing.TB, change ...func(*fleet.Config)) *house {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	u, err := db.CreateUser(t.Context(), grove.User{Email: "a@example.org", Name: "A", Role: grove.Owner})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, actor: grove.Actor{Kind: grove.ActorUser, UserID: u.ID}, turns: &turns{records: db}, told: &lines{}}
	h.gate = accesstest.New(t, db)
	c := fleet.Config{
		Records: db, Gate: h.gate, Guesses: h.gate, PINs: h.gate, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Tell: func(_ string, payload []byte) { h.told.add(string(payload)) },
	}
	for _, f := range change {
		f(&c)
	}
	h.Fleet, err = fleet.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	h.Join(h.turns, h.turns)
	if _, err := h.Bind(t.Context(), h.actor, fleet.Binding{Serial: serial, Name: "Bench", Model: "P1S"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// run lets the fleet live until the function it gives is called.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

// printer is the far end of a link.
type printer struct {
	mu     sync.Mutex
	got    []map[string]map[string]any
	closed string
	refuse error
}

func (p *printer) Send(payload []byte, _ time.Time, _ func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse
	}
	var m map[string]map[string]any
	if err := json.Unmarshal(payload, &m); err != nil {
		return err
	}
	p.got = append(p.got, m)
	return nil
}

func (p *printer) Close(reason string) { p.closed = reason }

// sequence is the id under which the last command of that name came.
func (p *printer) sequence(command string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, message := range slices.Backward(p.got) {
		for _, fields := range message {
			if fields["command"] == command {
				id, _ := fields["sequence_id"].(string)
				return id
			}
		}
	}
	return ""
}

func (p *printer) commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, m := range p.got {
		for _, fields := range m {
			name, _ := fields["command"].(string)
			out = append(out, name)
		}
	}
	return out
}

const idle = `{"print":{"command":"push_status","msg":0,"gcode_state":"IDLE","task_id":"0","nozzle_temper":25.5,"unknown_key":{"a":1}}}`

func TestACommandIsAnsweredUnderTheAskersOwnNumber(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	ask := `{"print":{"command":"set_nozzle_temp","param":"220","sequence_id":"7"}}`
	h.Request(t.Context(), h.actor, serial, []byte(ask), func(b []byte) { t.Errorf("refused: %s", b) })
	id := p.sequence("gcode_line")
	if id == "" || id == "7" {
		t.Fatalf("the printer got %v under id %q", p.commands(), id)
	}
	forward := h.Observe(serial, []byte(`{"print":{"command":"gcode_line","sequence_id":"`+id+`","result":"success","reason":""}}`))
	var reply map[string]map[string]any
	if err := json.Unmarshal(forward, &reply); err != nil {
		t.Fatal(err)
	}
	got := reply["print"]
	if got["command"] != "set_nozzle_temp" || got["sequence_id"] != "7" || got["param"] != "220" || got["result"] != "success" {
		t.Errorf("the asker sees %s", forward)
	}
	audit, err := h.db.Audit(t.Context(), h.actor.UserID, grove.Page{Limit: 10})
	if err != nil || len(audit.Items) < 2 || audit.Items[0].Action != "printer.command_sent" || audit.Items[1].Action != "printer.command" {
		t.Fatalf("audit: %v %v", audit.Items, err)
	}
	if got, want := audit.Items[1].Detail, `print.set_nozzle_temp "220" (sequence `+id+`)`; got != want {
		t.Errorf("the entry says %q, want %q", got, want)
	}
}

func TestRefusalsSayWhyAndReachNoPrinter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	before := len(p.commands())
	for _, c := range []struct{ ask, why string }{
		{`{"print":{"command":"set_nozzle_temp","param":"301"}}`, "300"},
		{`{"print":{"command":"set_bed_temp","param":101}}`, "100"},
		{`{"print":{"command":"set_fan_speed","param":"101"}}`, "100"},
		{`{"print":{"command":"set_nozzle_temp","param":"hot"}}`, "number"},
		{`{"print":{"command":"set_chamber_temp","param":"40"}}`, "chamber"},
		{`{"print":{"command":"make_coffee"}}`, "make_coffee"},
		{`not json`, "JSON"},
	} {
		var replies []string
		h.Request(t.Context(), h.actor, serial, []byte(c.ask), func(b []byte) { replies = append(replies, string(b)) })
		if len(replies) != 1 || !strings.Contains(replies[0], `"result":"fail"`) || !strings.Contains(replies[0], c.why) {
			t.Errorf("%s: replies %v, want one that fails and says %q", c.ask, replies, c.why)
		}
	}
	if got := p.commands(); len(got) != before {
		t.Errorf("the printer got %v", got[before:])
	}
}

func TestNothingIsKeptForAnAbsentPrinter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"pause"}}`))
	if !grove.HasReason(err, grove.ReasonPrinterOffline) {
		t.Fatalf("got %v, want printer_offline", err)
	}
	p := &printer{}
	h.Attach(serial, p)
	for _, c := range p.commands() {
		if c == "pause" {
			t.Error("the pause was kept and sent later")
		}
	}
}

func TestAForeignPrinterDoesNotExist(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{})
	other := grove.Actor{Kind: grove.ActorUser, UserID: h.actor.UserID + 1}
	for _, s := range []string{serial, "01P00A000000099"} {
		_, err := h.Command(t.Context(), other, s, []byte(`{"print":{"command":"pause"}}`))
		if !grove.HasReason(err, grove.ReasonPrinterNotFound) {
			t.Errorf("%s: got %v, want printer_not_found", s, err)
		}
		if h.May(other, grove.ReadPrinter, s) {
			t.Errorf("%s may be read by a stranger", s)
		}
	}
}

func TestAStartBecomesAJobAndNeverPassesThrough(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	var reply string
	h.Request(t.Context(), h.actor, serial, []byte(`{"print":{"command":"project_file","sequence_id":"20001","param":"Metadata/plate_1.gcode","url":"ftp://cube.gcode.3mf"}}`),
		func(b []byte) { reply = string(b) })
	if !strings.Contains(reply, "700000001") || !strings.Contains(reply, `"20001"`) {
		t.Errorf("reply %s", reply)
	}
	for _, c := range p.commands() {
		if c == "project_file" {
			t.Error("the start passed through")
		}
	}
}

func TestASilentPrinterTimesOutAndALostLinkToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		detach := h.Attach(serial, &printer{})
		begin := time.Now()
		r, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"pause"}}`))
		if err != nil || r.Outcome != grove.CommandTimedOut || time.Since(begin) != 10*time.Second {
			t.Errorf("got %v %v after %v", r.Outcome, err, time.Since(begin))
		}
		go detach("cut")
		r, err = h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"pause"}}`))
		if err == nil && r.Outcome != grove.CommandTimedOut {
			t.Errorf("after the cut: %v", r)
		}
	})
}

func TestTurnsComeInOrderAndOnlyAfterAFullReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.run()
		defer stop()
		detach := h.Attach(serial, &printer{})
		h.Observe(serial, []byte(`{"print":{"command":"push_status","msg":1,"gcode_state":"RUNNING"}}`))
		synctest.Wait()
		if got := h.turns.kinds(); got != "came_online" {
			t.Errorf("before a full report: %s", got)
		}
		for _, s := range []string{"IDLE", "PREPARE", "RUNNING", "FINISH"} {
			h.Observe(serial, []byte(strings.Replace(idle, "IDLE", s, 1)))
		}
		detach("cut")
		<-time.After(19 * time.Second)
		synctest.Wait()
		if got, want := h.turns.kinds(), "came_online reported=IDLE reported=PREPARE reported=RUNNING reported=FINISH"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if got := h.turns.kinds(); !strings.HasSuffix(got, "went_offline") {
			t.Errorf("after the grace: %s", got)
		}
		told := strings.Join(h.told.take(), "\n")
		if !strings.Contains(told, "client.connected") || !strings.Contains(told, "client.disconnected") {
			t.Errorf("presence told: %s", told)
		}
	})
}

func TestAShortAbsenceIsNoAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.run()
		defer stop()
		for range 3 {
			detach := h.Attach(serial, &printer{})
			<-time.After(time.Second)
			detach("wifi")
			<-time.After(10 * time.Second)
		}
		synctest.Wait()
		if got := h.turns.kinds(); got != "came_online" {
			t.Errorf("got %s", got)
		}
	})
}

func TestATurnThatCouldNotBeStoredIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.turns.fail = &grove.Error{Code: grove.Unavailable, Message: "disk full"}
		stop := h.run()
		defer stop()
		h.Attach(serial, &printer{})
		h.Observe(serial, []byte(idle))
		<-time.After(3 * time.Second)
		h.turns.mu.Lock()
		h.turns.fail = nil
		h.turns.mu.Unlock()
		<-time.After(3 * time.Second)
		synctest.Wait()
		if got, want := h.turns.kinds(), "came_online reported=IDLE"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestStateOutlivesARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(idle))
	stop := h.run()
	stop()
	c := h.Config
	c.Registry = prometheus.NewRegistry()
	again, err := fleet.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	live, err := again.Live(t.Context(), h.actor, serial)
	if err != nil || live.Shadow.NozzleCelsius != 25.5 || live.Connected {
		t.Errorf("after the restart: %+v %v", live.Shadow, err)
	}
}

func TestOnlyOneLinkAPrinter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, young := &printer{}, &printer{}
	detachOld := h.Attach(serial, old)
	h.Attach(serial, young)
	if old.closed == "" {
		t.Error("the old link stays open")
	}
	detachOld("late") // must not take the young link away
	if live, err := h.Live(t.Context(), h.actor, serial); err != nil || !live.Connected {
		t.Errorf("connected %v, %v", live.Connected, err)
	}
}

// A printer that flaps faster than its turns can be stored is cut off, and what it
// becomes afterwards is told in full.
func TestTurnsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		link := &printer{}
		h.Attach(serial, link)
		for i := range 300 {
			h.Observe(serial, []byte(strings.Replace(idle, "IDLE", []string{"IDLE", "RUNNING"}[i%2], 1)))
			<-time.After(time.Second) // and nothing is stored
		}
		if link.closed == "" {
			t.Error("it goes on")
		}
		stop := h.run()
		defer stop()
		synctest.Wait()
		if n := strings.Count(h.turns.kinds(), "reported"); n == 0 || n > 256 {
			t.Errorf("%d turns were kept", n)
		}
	})
}

func TestAFullWriteQueueIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{refuse: context.DeadlineExceeded})
	_, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"pause"}}`))
	if grove.AsError(err).Code != grove.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

func TestACommandThatWaitedTooLongIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p := &printer{}
		h.Attach(serial, p)
		h.Observe(serial, []byte(idle))
		h.Records = slowAudit{h.db}
		h.turns.records = h.Records
		_, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"set_nozzle_temp","param":"220"}}`))
		if !grove.HasReason(err, "too_late") || strings.Contains(strings.Join(p.commands(), " "), "gcode_line") {
			t.Errorf("%v, and the printer heard %q", err, p.commands())
		}
	})
}

// slowAudit writes down acts as a disk does that is at its end.
type slowAudit struct{ *store.DB }

func (s slowAudit) AddAudit(ctx context.Context, acts ...grove.AuditEntry) error {
	<-time.After(11 * time.Second)
	return s.DB.AddAudit(context.WithoutCancel(ctx), acts...)
}
