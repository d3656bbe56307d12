package queue

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

// KeepHeat stores until when heat that somebody asked for may stay on, and who did.
func (q *Queue) KeepHeat(ctx context.Context, serial string, until time.Time, act grove.AuditEntry) error {
	_, err := q.change(ctx, serial, func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
		p.HeatUntil = until
		return nil, nil
	}, act)
	return err
}

// HeatEnding tells that heat without a print is switched off soon.
func (q *Queue) HeatEnding(ctx context.Context, serial string, s grove.Shadow, until time.Time) error {
	return q.play(ctx, serial, s, func(c *scene) error {
		c.tellOfPrinter(grove.HeatEnding, "", "heating",
			"it is switched off at "+until.UTC().Format("15:04")+" UTC; set the temperature again to keep it longer")
		return nil
	})
}

// HeatOff stores that heat is off, unless somebody asked for it anew meanwhile.
// Cooled says that this server switched it off.
func (q *Queue) HeatOff(ctx context.Context, serial string, s grove.Shadow, until time.Time, cooled bool) error {
	return q.play(ctx, serial, s, func(c *scene) error {
		if !c.p.HeatUntil.Equal(until) {
			return nil
		}
		c.p.HeatUntil = time.Time{}
		if cooled {
			c.tellOfPrinter(grove.HeatOff, "", "cooling", "nothing was printed, so the heat was switched off")
		}
		return nil
	})
}
