// Package fleet knows the printers: which are bound and to whom, what each last
// said, and how to reach it. Every command to a printer passes [Fleet.Command]
// or [Fleet.Request]; a start leaves only through [Fleet.Start], which the queue
// alone calls.
package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Records keeps printers.
type Records interface {
	BindPrinter(ctx context.Context, p grove.Printer, takeOver bool, acts ...grove.AuditEntry) (grove.Printer, error)
	ClaimPrinter(ctx context.Context, pin string, fn func(*grove.Pass, *grove.Printer) error, acts ...grove.AuditEntry) (grove.Printer, error)
	UnbindPrinter(ctx context.Context, serial string, ownerID int64, at time.Time, acts ...grove.AuditEntry) error
	UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error)
	Printer(ctx context.Context, serial string) (grove.Printer, error)
	Printers(ctx context.Context, ownerID int64, page grove.Page) (grove.List[grove.Printer], error)
	PrintersByAccessCode(ctx context.Context, code string) ([]grove.Printer, error)
	SaveStates(ctx context.Context, printers []grove.Printer) error
	SaveTemperatures(ctx context.Context, stretches []grove.Stretch) error
	Temperatures(ctx context.Context, serial string, ownerID int64, from, to time.Time) ([]grove.Stretch, error)
	AddAudit(ctx context.Context, acts ...grove.AuditEntry) error
	LANs(ctx context.Context) ([]grove.LAN, error)
	BindLAN(ctx context.Context, p grove.Printer, l grove.LAN, takeOver bool, acts ...grove.AuditEntry) (grove.Printer, error)
	UpdateLAN(ctx context.Context, serial string, fn func(*grove.Printer, *grove.LAN) ([]grove.Event, []grove.AuditEntry, error)) (grove.Printer, grove.LAN, error)
}

// Gate answers permission questions.
type Gate interface {
	Authorize(actor grove.Actor, action grove.Action, r grove.Resource) error
	// Reach is which printers the actor's lists show.
	Reach(actor grove.Actor) grove.Reach
	// Edition is another number after each change of what anybody may see.
	Edition() uint64
	// MayCarry is NotFound unless the bridge is this account's.
	MayCarry(bridgeID string, userID int64) error
}

// Careful is a link that can be too slow for a start, though all else passes.
type Careful interface {
	// MayStart says why a start sent now could arrive late.
	MayStart() error
}

// Guesses counts wrong access codes of each printer, over everybody who tries and
// over restarts.
type Guesses interface {
	// CodeWait is how long no further code is heard for a printer.
	CodeWait(serial string) time.Duration
	CodeMissed(serial string)
}

// Link is the one live connection to a printer. Send hands a message to the socket's
// writer or fails at once. No byte of it is written after until; late is called, from
// another goroutine, when it was surely not written.
type Link interface {
	Send(payload []byte, until time.Time, late func()) error
	Close(reason string)
}

// Turns is told of every turn of a printer, in order, one at a time a printer.
type Turns interface {
	Turn(ctx context.Context, t Turn) error
	// Settled is called when all that a printer said is stored.
	Settled()
	// KeepHeat stores until when heat that somebody asked for may stay on, and who did.
	KeepHeat(ctx context.Context, serial string, until time.Time, act grove.AuditEntry) error
}

// Starts makes a job of a start that a client sent as a command.
type Starts interface {
	Wish(ctx context.Context, actor grove.Actor, serial string, wish bambu.StartWish) (grove.Job, error)
}

// Config is what a fleet needs. Tell publishes a report to whoever watches a
// printer; it must not block.
type Config struct {
	Records Records
	Gate    Gate
	Guesses Guesses
	PINs    PINs
	Tell    func(serial string, payload []byte)
	// Rebound is called after a printer changed hands or credentials, so that
	// edges cut connections that came in by the former ones. May be nil.
	Rebound func(serial string)
	// Clients counts who watches a printer at the edges. May be nil.
	Clients  func(serial string) grove.Clients
	Log      *slog.Logger
	Registry prometheus.Registerer
	// Grace is how long a printer may be away before it counts as offline.
	Grace time.Duration
	// Silence is how long a connected printer may say nothing before it is asked:
	// some firmwares stop reporting while the connection stays up (ha-bambulab).
	Silence time.Duration
	// Reply is how long a command waits for the printer's own answer.
	Reply time.Duration
	// Flush is how often changed state is stored.
	Flush time.Duration
	// IdleHeat is how long a printer that does not print stays hot after somebody
	// asked for it: 15 min.
	IdleHeat time.Duration
	// Most is how many printers one account may have: 10,000. Each takes memory
	// here for good, also when it is never seen.
	Most int
}

// Fleet knows the printers and what each last said.
type Fleet struct {
	Config
	turns    Turns
	starts   Starts
	network  Network
	metrics  metrics
	sequence atomic.Int64
	films    films
	tries    tries
	readers  sync.WaitGroup // of cameras

	viewers viewers

	mu       sync.RWMutex
	units    map[string]*unit
	bindings atomic.Uint64 // another number after each change of units

	work chan *unit // units with turns waiting for a worker
}

// New loads the bound printers. Join must be called before Run.
func New(ctx context.Context, c Config) (*Fleet, error) {
	if c.Grace == 0 {
		c.Grace = 20 * time.Second
	}
	if c.Silence == 0 {
		c.Silence = time.Minute
	}
	if c.Reply == 0 {
		c.Reply = 10 * time.Second
	}
	if c.Flush == 0 {
		c.Flush = time.Minute
	}
	if c.Most == 0 {
		c.Most = 10_000
	}
	if c.IdleHeat == 0 {
		c.IdleHeat = 15 * time.Minute
	}
	if c.Rebound == nil {
		c.Rebound = func(string) {}
	}
	if c.Clients == nil {
		c.Clients = func(string) grove.Clients { return grove.Clients{} }
	}
	f := &Fleet{Config: c, network: nowhere{}, metrics: newMetrics(c.Registry), viewers: viewers{of: map[int64]int{}}, units: map[string]*unit{}, work: make(chan *unit, 4096)}
	f.sequence.Store(firstSequence + rand.Int64N(1<<29)) //nolint:gosec // so that two servers on one network do not count alike
	all, err := c.Records.Printers(ctx, 0, grove.Page{})
	if err != nil {
		return nil, fmt.Errorf("load printers: %w", err)
	}
	lans, err := c.Records.LANs(ctx)
	if err != nil {
		return nil, fmt.Errorf("load printers on networks: %w", err)
	}
	stands := map[string]*grove.LAN{}
	for _, l := range lans {
		stands[l.Serial] = &l
	}
	now := time.Now()
	for _, p := range all.Items {
		f.units[p.Serial] = newUnit(p, stands[p.Serial], now, f.newEye(p.Serial))
	}
	return f, nil
}

// Join says who is told of turns and who makes jobs of starts.
func (f *Fleet) Join(turns Turns, starts Starts) { f.turns, f.starts = turns, starts }

// Own sequence ids stay clear of 20000 to 29999, which slicers take for theirs
// (BambuStudio).
const firstSequence = 40000

func (f *Fleet) nextSequence() string {
	n := f.sequence.Add(1)
	if n > 1<<30 {
		f.sequence.CompareAndSwap(n, firstSequence)
	}
	return strconv.FormatInt(n, 10)
}

func (f *Fleet) unit(serial string) (*unit, error) {
	f.mu.RLock()
	u := f.units[serial]
	f.mu.RUnlock()
	if u == nil {
		return nil, grove.NoPrinter(serial)
	}
	return u, nil
}

func offline(serial string) error {
	return grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline,
		"printer %s is not connected, and commands are never kept for later; switch it on or check its network, then try again", serial)
}

// Owner says whose printer it is.
func (f *Fleet) Owner(serial string) (int64, bool) {
	f.mu.RLock()
	u := f.units[serial]
	f.mu.RUnlock()
	if u == nil {
		return 0, false
	}
	return u.owner.Load(), true
}

// may asks the gate about one printer.
func (f *Fleet) may(actor grove.Actor, action grove.Action, serial string) (*unit, error) {
	u, err := f.unit(serial)
	if err != nil {
		if authErr := f.Gate.Authorize(actor, action, grove.Resource{Serial: serial}); authErr != nil {
			return nil, authErr
		}
		return nil, err
	}
	return u, f.Gate.Authorize(actor, action, grove.Resource{Serial: serial, OwnerID: u.owner.Load()})
}

// May reports whether actor may do action to a printer. It takes no database
// and is asked at every delivery.
func (f *Fleet) May(actor grove.Actor, action grove.Action, serial string) bool {
	_, err := f.may(actor, action, serial)
	return err == nil
}
