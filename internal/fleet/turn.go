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
)

// Turn is a change that is worth a row.
type Turn struct {
	Serial string
	Kind   TurnKind
	At     time.Time
	Shadow grove.Shadow
	// JobID, OK and Reason belong to StartAnswered.
	JobID  int64
	OK     bool
	Reason string
}

// push adds a turn and wakes a worker. The caller holds u.mu.
func (f *Fleet) push(u *unit, t Turn) {
	t.Serial, t.At = u.serial, time.Now().UTC()
	if n := len(u.turns); n > 0 && t.Kind == Reported && u.turns[n-1].Kind == Reported && u.turns[n-1].Shadow.State == t.Shadow.State {
		u.turns[n-1] = t // the state stood still, so the newer one tells all
	} else {
		u.turns = append(u.turns, t)
	}
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
	for {
		u.mu.Lock()
		if len(u.turns) == 0 || ctx.Err() != nil {
			u.working = false
			u.mu.Unlock()
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
