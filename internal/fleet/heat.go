package fleet

import (
	"context"
	"log/slog"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

const (
	// heatNotice is how long before the end of heat people are told.
	heatNotice = 2 * time.Minute
	// coolAgain is how often heat is switched off until the printer says that it
	// is: switching off may be repeated.
	coolAgain = 10 * time.Second
)

// tendHeat looks after heat that somebody asked for outside of a print: it tells
// before it ends, and gives the commands that end it. While the printer prints, its
// heat is the print's. The caller holds u.mu.
func (f *Fleet) tendHeat(u *unit, now time.Time) (off []string) {
	until := u.printer.HeatUntil
	if until.IsZero() || u.link == nil || !u.complete || !u.shadow.Idle() {
		return nil
	}
	off = bambu.Cooling(u.model, u.shadow)
	switch {
	case now.Before(until):
		if len(off) > 0 && until.Sub(now) <= heatNotice && !u.heatTold.Equal(until) {
			u.heatTold = until
			f.push(u, Turn{Kind: HeatEnding, Shadow: u.shadow, Until: until})
		}
		return nil
	case len(off) == 0:
		if !u.heatOver.Equal(until) {
			u.heatOver = until
			f.push(u, Turn{Kind: HeatOff, Shadow: u.shadow, Until: until, OK: u.cooledAt.After(until)})
		}
		return nil
	case now.Sub(u.cooledAt) < coolAgain:
		return nil
	}
	u.cooledAt = now
	return off
}

// cool are the commands that switch a printer's heat off. One that does not get
// through is given again.
func (f *Fleet) cool(u *unit, commands []string) (cooling []physical) {
	for _, c := range commands {
		requests, err := bambu.ParseRequests([]byte(c))
		if err != nil {
			f.Log.Error("heat can't be switched off", slog.String("printer", u.serial), slog.Any("error", err))
			continue
		}
		cooling = append(cooling, f.physical(u, grove.Actor{Kind: grove.ActorSystem}, pending{request: requests[0], own: true}))
	}
	return cooling
}

// coolAll switches heat off, with one entry in the records for all printers.
func (f *Fleet) coolAll(ctx context.Context, cooling []physical) {
	if len(cooling) == 0 {
		return
	}
	for i, err := range f.sendAlways(ctx, cooling...) {
		if err != nil {
			f.Log.Warn("heat not switched off", slog.String("printer", cooling[i].unit.serial), slog.Any("error", err))
		}
	}
}
