// Package queue takes jobs from queued to done. It owns the one start of a
// print: a job starts at most once, never after its deadline, and only on a
// printer that said a moment ago that it is idle and whose plate is clear.
package queue

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Records keeps jobs and the printers they run on.
type Records interface {
	CreateJobs(ctx context.Context, j grove.Job, copies int, events []grove.Event, acts ...func(made grove.Job) grove.AuditEntry) ([]grove.Job, error)
	Job(ctx context.Context, id int64) (grove.Job, error)
	Jobs(ctx context.Context, query grove.JobQuery, page grove.Page) (grove.List[grove.Job], error)
	// JobsWithin lists the jobs of the printers within reach.
	JobsWithin(ctx context.Context, reach grove.Reach, query grove.JobQuery, page grove.Page) (grove.List[grove.Job], error)
	EachJobWithin(ctx context.Context, reach grove.Reach, query grove.JobQuery, fn func(grove.Job) error) error
	// Heads are the first in line of each printer that no job holds, behind those that
	// it passes because somebody else's file, who is locked out, is theirs. Unplaced are
	// the jobs of whichever printer fits. Only those that may start by now.
	Heads(ctx context.Context, now time.Time) ([]grove.Job, error)
	Unplaced(ctx context.Context, now time.Time) ([]grove.Job, error)
	// Overdue are the jobs that waited until now or longer than they may, and those whose
	// start was sent at sentBy or before and is unanswered.
	Overdue(ctx context.Context, now, sentBy time.Time) ([]grove.Job, error)
	ChangeLine(ctx context.Context, ownerID int64, fn func(line []grove.Job) (places map[int64]int64, events []grove.Event, err error), acts ...grove.AuditEntry) error
	// Leftovers are the jobs whose files lie on their printers for nothing.
	Leftovers(ctx context.Context) ([]grove.Job, error)
	UpdateJob(ctx context.Context, id int64, fn func(*grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Job, error)
	UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error)
	AddAudit(ctx context.Context, acts ...grove.AuditEntry) error
	LastRecord(ctx context.Context) (time.Time, error)
	ClockHold(ctx context.Context) (grove.ClockHold, error)
	KeepClockHold(ctx context.Context, h grove.ClockHold) error
	// Alone is nil while this process alone dispatches the jobs of the database.
	Alone(ctx context.Context) error
}

// Printers is what the queue asks of the printers. Start is the only way a
// start leaves; nobody else has it.
type Printers interface {
	Live(ctx context.Context, actor grove.Actor, serial string) (grove.Live, error)
	// Owned are all printers of an owner.
	Owned(ownerID int64) []grove.Live
	Now(serial string) (grove.Live, error)
	Fit(serial string) error
	Refresh(ctx context.Context, serial string) error
	Start(ctx context.Context, o Order) error
	// Stop stops a job at its printer, whatever that does, and is Conflict
	// another_print, with nothing sent, where it is surely at another print.
	Stop(ctx context.Context, actor grove.Actor, serial string, job int64) error
	// Await says that the start of a job may have been sent before this process, at
	// sentAt; quiet is Order's.
	Await(serial string, job int64, sentAt time.Time, quiet time.Duration)
	Retell(serial string)
	// Still is what a printer looks like now, as JPEG; NotFound without a camera.
	Still(ctx context.Context, serial string) ([]byte, error)
	Learn(p grove.Printer)
}

// Order is a start that is committed to: its attempt row is on disk.
type Order struct {
	Start    bambu.Start
	Serial   string
	JobID    int64
	NotAfter time.Time
	Quiet    time.Duration // how long the printer may be at it without showing it
}

// Files is what the queue asks of the library.
type Files interface {
	Find(ctx context.Context, userID int64, fileID, name string, profileID int64) (grove.File, error)
	// Ready is the stored file of a job, whoever of those who may print uploaded it.
	Ready(ctx context.Context, fileID string) (grove.File, error)
	ContentURL(f grove.File, life time.Duration) string
	// Content is the whole content of a stored file.
	Content(ctx context.Context, f grove.File) (io.ReadCloser, error)
	// KeepPicture keeps what a printer looked like at the end of a job.
	KeepPicture(ctx context.Context, job int64, jpeg []byte) error
}

// Gate answers permission questions.
type Gate interface {
	Authorize(actor grove.Actor, action grove.Action, r grove.Resource) error
	// Reach is which printers the actor's lists show.
	Reach(actor grove.Actor) grove.Reach
	// Locked reports whether an account is locked, for which nothing starts.
	Locked(userID int64) bool
}

// Config is what a queue needs. Zero durations mean the defaults.
type Config struct {
	Records  Records
	Printers Printers
	Carriers Carriers
	Files    Files
	Gate     Gate
	Log      *slog.Logger
	Registry prometheus.Registerer
	// Life is how long a job may wait in the queue: 24 h.
	Life time.Duration
	// StartWithin is how long a claimed job may take until its start: 10 min, and
	// [grove.CarryTime] more where its file is brought to the printer.
	StartWithin time.Duration
	// Proof is how long a start may stay without an answer before it counts as
	// unknown, and how long the printer must then be seen idle with another job
	// before the start counts as not taken; until then another print that it shows
	// may be this one: 300 s, since printers have been seen to stay silent for up
	// to 210 s after accepting a start.
	Proof time.Duration
	// Simulated says of a serial whether that printer is simulated by this
	// server; nil: none is.
	Simulated func(serial string) bool
	// Wall is the wall clock, without a monotonic part; tests let it jump.
	Wall func() time.Time
	// Pace is how often the queue looks by itself; wakes do the rest.
	Pace time.Duration
}

// Queue takes jobs from queued to done.
type Queue struct {
	Config
	kick     chan struct{}
	ended    chan grove.Job // to be photographed
	asked    past           // when a doubtful start or a stop was last followed up; the loop's own
	tidied   past           // when a file was last to be deleted from its printer; the loop's own
	untidy   past           // since when that is tried; the loop's own
	loads    loads
	taken    plates
	clock    clock
	line     line
	behind   atomic.Bool // a round found no free hand for somebody
	changing turnstile
	metrics  metrics
}

// New makes a queue that does nothing until Run.
func New(c Config) *Queue {
	if c.Wall == nil {
		c.Wall = func() time.Time { return time.Now().Round(0) }
	}
	if c.Simulated == nil {
		c.Simulated = func(string) bool { return false }
	}
	if c.Life == 0 {
		c.Life = 24 * time.Hour
	}
	if c.StartWithin == 0 {
		c.StartWithin = 10 * time.Minute
	}
	if c.Proof == 0 {
		c.Proof = 300 * time.Second
	}
	if c.Pace == 0 {
		c.Pace = 5 * time.Second
	}
	return &Queue{Config: c, kick: make(chan struct{}, 1), ended: make(chan grove.Job, picturesWaiting), asked: past{}, tidied: past{}, metrics: newMetrics(c.Registry)}
}

// Kick makes the queue look at once.
func (q *Queue) Kick() {
	select {
	case q.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// jobAct is the entry of an act on a job, for its owner.
func jobAct(actor grove.Actor, j *grove.Job, action string) grove.AuditEntry {
	return grove.AuditEntry{
		At: time.Now().UTC(), Actor: actor.String(), UserID: j.OwnerID, Action: action, Serial: j.Serial,
		Detail: "job " + j.TaskID() + " " + j.FileName,
	}
}

// house is who acts when the queue does something by itself.
var house = grove.Actor{Kind: grove.ActorSystem}

// event is a fact about a job, on a printer whose name is known to the fleet.
func (q *Queue) event(t grove.EventType, j *grove.Job, status, reason string) grove.Event {
	e := grove.Event{Type: t, UserID: j.OwnerID, At: time.Now().UTC(), Data: grove.EventData{
		DeviceID: j.Serial, FileName: j.FileName, Status: status, Reason: reason,
	}}
	if live, err := q.Printers.Now(j.Serial); err == nil {
		e.Data.DeviceName = live.Name
	}
	if j.ID != 0 {
		e.Data.JobID = j.TaskID()
	}
	return e
}
