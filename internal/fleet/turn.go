package fleet

import (
	"context"
	"log/slog"
	"time"

	"github.com/grovecloud/grove"
)

// TurnKind is what happened to a printer.
type TurnKind string

// The kinds of turn.
const (
	// Reported: the state, the job, the file or the error changed. Only ever
	// told after a full report arrived on the present link.
	Reported TurnKind = "reported"
	// CameOnline and WentOffline come after the grace period.
	CameOnline  TurnKind = "came_online"
	WentOffline TurnKind = "went_offline"
	// StartAnswered: the printer replied to a start.
	StartAnswered TurnKind = "start_answered"
	// StartUnsent: a start that was on its way surely did not leave.
	StartUnsent TurnKind = "start_unsent"
	// HeatEnding: heat without a print is switched off soon. HeatOff: it is off.
	HeatEnding TurnKind = "heat_ending"
	HeatOff    TurnKind = "heat_off"
)

// Turn is a change that is worth a row.
type Turn struct {
	Serial string
	Kind   TurnKind
	At     time.Time
	Shadow grove.Shadow
	// Away is how long nothing had been heard of the printer before this link.
	// It is set on the first report of a link.
	Away time.Duration
	// Until belongs to HeatEnding and HeatOff.
	Until time.Time
	// JobID belongs to StartAnswered and StartUnsent, Reason to StartAnswered. OK: the start was accepted; the
	// heat was switched off by this server.
	JobID  int64
	OK     bool
	Reason string
}

const (
	// maxTurns bounds what a printer may say faster than it can be stored. One
	// that says more is cut off: no turn may be left out.
	maxTurns = 256
	// turnsAtOnce is how many a worker tells before other printers have theirs.
	turnsAtOnce = 16
)

// Each turn costs rows and events: so many at once and so often are far more than a
// print has, and one printer that flaps must not fill the database.
const (
	turnEvery = time.Second
	turnBurst = 20
)

// mayTurn counts a turn unless it came too soon. The caller holds u.mu.
func (u *unit) mayTurn(now time.Time) bool {
	if earliest := now.Add(-turnBurst * turnEvery); u.turnDue.Before(earliest) {
		u.turnDue = earliest
	}
	if u.turnDue.After(now.Add(-turnEvery)) {
		return false
	}
	u.turnDue = u.turnDue.Add(turnEvery)
	return true
}

// untold reports whether the printer said something that no turn has told yet. The
// caller holds u.mu.
func (u *unit) untold() bool {
	return u.complete && u.shadow.State != "" && markOf(u.shadow) != u.turned
}

// push adds a turn and wakes a worker. The caller holds u.mu.
func (f *Fleet) push(u *unit, t Turn) {
	t.Serial, t.At = u.serial, time.Now().UTC()
	if len(u.turns) >= maxTurns && t.Kind == Reported {
		u.turned = mark{} // said again once there is room
		if u.link != nil {
			u.link.Close("it changes faster than can be stored")
		}
		return
	}
	u.turns = append(u.turns, t)
	f.wake(u)
}

// wake hands u to a worker unless one has it. When all are behind, the next tick
// does it. The caller holds u.mu.
func (f *Fleet) wake(u *unit) {
	if u.working || len(u.turns) == 0 {
		return
	}
	select {
	case f.work <- u:
		u.working = true
	default:
	}
}

// worker tells turns, in order for each printer.
func (f *Fleet) worker(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case u := <-f.work:
			f.drain(ctx, u)
		}
	}
}

func (f *Fleet) drain(ctx context.Context, u *unit) {
	for n := 0; ; n++ {
		u.mu.Lock()
		if len(u.turns) == 0 || n == turnsAtOnce || ctx.Err() != nil {
			u.working = false
			settled := len(u.turns) == 0
			f.wake(u)
			u.mu.Unlock()
			if settled {
				f.turns.Settled()
			}
			return
		}
		t := u.turns[0]
		u.turns = u.turns[1:]
		u.mu.Unlock()
		if err := f.turns.Turn(ctx, t); err != nil && !f.skip(ctx, t, err) {
			u.mu.Lock()
			u.turns = append([]Turn{t}, u.turns...)
			u.working = false // kept, and tried again at the next tick
			u.mu.Unlock()
			return
		}
	}
}

// skip decides whether a turn that failed is given up: one that the rules refuse
// will never pass, one that the database refused will.
func (f *Fleet) skip(ctx context.Context, t Turn, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	f.metrics.turnErrors.Inc()
	f.Log.Error("turn failed", slog.String("printer", t.Serial), slog.String("turn", string(t.Kind)), slog.Any("error", err))
	switch grove.AsError(err).Code {
	case grove.Unavailable, grove.Internal:
		return false
	case grove.Invalid, grove.Unauthenticated, grove.Forbidden, grove.NotFound, grove.Conflict, grove.TooLarge, grove.Limited:
	}
	return true
}
