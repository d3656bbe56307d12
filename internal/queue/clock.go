package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// maxJump is how far the wall clock may move against the monotonic one between
// two looks.
const maxJump = 30 * time.Second

// trustedFor is how long after the newest record a clock that was behind may be set
// to and be trusted by itself. Later than that nobody knows whether it is right.
const trustedFor = 24 * time.Hour

// longOff is how long after the newest record a server may be started before its clock
// may be ahead instead; steadyFor is how long it then has to run before what is old by
// it is removed: a clock that is set meanwhile jumps.
const (
	longOff   = 3 * 24 * time.Hour
	steadyFor = 24 * time.Hour
)

// clock holds the start of jobs while it is not known what time it is. Deadlines
// are times of the wall clock: one that jumps, or that was in the past when the
// server started (a Raspberry Pi has no battery), would let old jobs start.
type clock struct {
	mu   sync.Mutex
	from time.Time // of the first look, monotonic
	now  time.Time // of the last look, monotonic
	wall time.Time // of the last look
	hold grove.ClockHold
	kept grove.ClockHold // as it is stored
}

// begin takes the first look. Stored is the time of the newest record; kept is why
// starts were held before a restart.
func (c *clock) begin(now, wall, stored time.Time, kept grove.ClockHold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.now, c.wall, c.hold, c.kept = now, now, wall, kept, kept
	switch {
	case kept.Why != "":
	case wall.Before(stored.Add(-maxJump)):
		c.hold = grove.ClockHold{Known: stored, Why: fmt.Sprintf("the server started with its clock at %s, but was at work at %s already", stamp(wall), stamp(stored))}
	case kept.Known.IsZero() && !stored.IsZero() && wall.After(stored.Add(longOff)):
		c.hold = grove.ClockHold{Known: stored}
	}
}

// look compares the clocks and says why starts are held, or nothing. A clock that
// was behind at the start and has been set to a likely time is trusted again.
func (c *clock) look(now, wall time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		c.now, c.wall = now, wall
	}
	jump := wall.Sub(c.wall) - now.Sub(c.now)
	before := c.wall
	c.now, c.wall = now, wall
	switch {
	case !c.hold.Known.IsZero() && !wall.Before(c.hold.Known) && wall.Before(c.hold.Known.Add(trustedFor)):
		c.hold = grove.ClockHold{}
	case c.hold.Why == "" && !c.hold.Known.IsZero() && jump <= maxJump && jump >= -maxJump && now.Sub(c.from) >= steadyFor:
		c.hold = grove.ClockHold{}
	case jump > maxJump || jump < -maxJump:
		c.hold.Why = fmt.Sprintf("the clock jumped by %s, from %s to %s", jump.Round(time.Second), stamp(before), stamp(wall))
	}
	return c.hold.Why
}

// unsure says why nothing that is old by this clock may be removed, or nothing.
func (c *clock) unsure() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from.IsZero() {
		return "the server has not looked yet when it was last at work"
	}
	if c.hold.Why == "" && !c.hold.Known.IsZero() {
		return fmt.Sprintf("the server started long after it was last at work (%s), or its clock is ahead; that is taken for right after %d h", stamp(c.hold.Known), int(steadyFor.Hours()))
	}
	return c.hold.Why
}

// confirm ends the hold.
func (c *clock) confirm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = grove.ClockHold{}
}

// unkept is the hold, and whether it is not stored as it is.
func (c *clock) unkept() (grove.ClockHold, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hold, c.hold != c.kept
}

func (c *clock) isKept(h grove.ClockHold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = h
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Clock is the server's time and whether starts are held for it.
func (q *Queue) Clock() grove.Clock {
	why := q.clock.look(time.Now(), q.Wall())
	return grove.Clock{Now: q.Wall().UTC(), Held: why != "", Why: why}
}

// MayForget is nil while what is old by this process's clock may be removed: it alone
// dispatches the jobs of the database, has seen when there was work last, and knows
// what time it is. Conflict: why not.
func (q *Queue) MayForget(ctx context.Context) error {
	if err := q.Records.Alone(ctx); err != nil {
		return err
	}
	q.clock.look(time.Now(), q.Wall())
	if why := q.clock.unsure(); why != "" {
		return grove.Errorf(grove.Conflict, "time_unsure", "%s (grove clock confirm ends that)", why)
	}
	return nil
}

// ConfirmClock ends a hold, after a person has looked at the time.
func (q *Queue) ConfirmClock(ctx context.Context, actor grove.Actor) (grove.Clock, error) {
	if err := q.Records.AddAudit(ctx, actor.Did("clock.confirm", stamp(q.Wall()))); err != nil {
		return grove.Clock{}, err
	}
	q.clock.confirm()
	if err := q.keepClock(ctx); err != nil { // the loop tries again
		q.Log.Error("end of the clock's hold not stored", slog.Any("error", err))
	}
	q.Kick()
	return q.Clock(), nil
}

// startClock takes the first look at the clock.
func (q *Queue) startClock(ctx context.Context) error {
	stored, err := q.Records.LastRecord(ctx)
	if err != nil {
		return err
	}
	kept, err := q.Records.ClockHold(ctx)
	if err != nil {
		return err
	}
	q.clock.begin(time.Now(), q.Wall(), stored, kept)
	if why := q.clock.look(time.Now(), q.Wall()); why != "" {
		q.Log.Error("starts are held until the time is confirmed", slog.String("why", why))
	}
	return q.keepClock(ctx)
}

// keepClock stores why starts are held, where that has changed.
func (q *Queue) keepClock(ctx context.Context) error {
	hold, changed := q.clock.unkept()
	if !changed {
		return nil
	}
	if err := q.Records.KeepClockHold(ctx, hold); err != nil {
		return err
	}
	q.clock.isKept(hold)
	return nil
}

// clockHeld says why nothing starts, if that is for the clock.
func (q *Queue) clockHeld() (grove.Misfit, bool) {
	why := q.clock.look(time.Now(), q.Wall())
	return grove.Misfit{
		Reason: grove.MisfitClock, Message: "waits until the server's owner confirms the time (grove clock confirm): " + why, Values: values{"why": why},
	}, why != ""
}
