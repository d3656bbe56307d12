package server

import (
	"context"
	"crypto/rand"

	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/queue"
)

func newKey() ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key, nil
}

// printers shows the fleet to the queue.
type printers struct{ *fleet.Fleet }

// Start writes the one start of a job.
func (p printers) Start(ctx context.Context, o queue.Order) error {
	return p.Fleet.Start(ctx, fleet.Order{Start: o.Start, Serial: o.Serial, JobID: o.JobID, NotAfter: o.NotAfter, Quiet: o.Quiet})
}

// turns hands the fleet's turns to the queue.
type turns struct{ *queue.Queue }

// Turn plays one turn.
func (t turns) Turn(ctx context.Context, turn fleet.Turn) error {
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

// Settled lets the queue look: a printer may be fit now.
func (t turns) Settled() { t.Kick() }
