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

// clock holds the start of jobs while it is not known what time it is. Deadlines
// are times of the wall clock: one that jumps, or that was in the past when the
// server started (a Raspberry Pi has no battery), would let old jobs start.
type clock struct {
	mu    sync.Mutex
	now   time.Time // of the last look, monotonic
	wall  time.Time // of the last look
	why   string    // why starts are held; empty: they are not
	known time.Time // it was at least so late already; zero after the wall clock got there
}

// begin takes the first look. Stored is the time of the newest record.
func (c *clock) begin(now, wall, stored time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.wall = now, wall
	if wall.Before(stored.Add(-maxJump)) {
		c.known = stored
		c.why = fmt.Sprintf("the server started with its clock at %s, but was at work at %s already", stamp(wall), stamp(stored))
	}
}

// look compares the clocks and says why starts are held, or nothing. A clock that
// was behind at the start and has been set to a possible time is trusted again.
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
	case !c.known.IsZero() && !wall.Before(c.known):
		c.known, c.why = time.Time{}, ""
	case jump > maxJump || jump < -maxJump:
		c.why = fmt.Sprintf("the clock jumped by %s, from %s to %s", jump.Round(time.Second), stamp(before), stamp(wall))
	}
	return c.why
}

// confirm ends the hold.
func (c *clock) confirm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.why = time.Time{}, ""
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Clock is the server's time and whether starts are held for it.
func (q *Queue) Clock() grove.Clock {
	why := q.clock.look(time.Now(), q.Wall())
	return grove.Clock{Now: q.Wall().UTC(), Held: why != "", Why: why}
}

// ConfirmClock ends a hold, after a person has looked at the time.
func (q *Queue) ConfirmClock(ctx context.Context, actor grove.Actor) (grove.Clock, error) {
	if err := q.Records.AddAudit(ctx, actor.Did("clock.confirm", stamp(q.Wall()))); err != nil {
		return grove.Clock{}, err
	}
	q.clock.confirm()
	q.Kick()
	return q.Clock(), nil
}

// startClock takes the first look at the clock.
func (q *Queue) startClock(ctx context.Context) error {
	stored, err := q.Records.LastRecord(ctx)
	if err != nil {
		return err
	}
	q.clock.begin(time.Now(), q.Wall(), stored)
	if why := q.clock.look(time.Now(), q.Wall()); why != "" {
		q.Log.Error("starts are held until the time is confirmed", slog.String("why", why))
	}
	return nil
}

// clockWords says why nothing starts, or nothing.
func (q *Queue) clockWords() string {
	why := q.clock.look(time.Now(), q.Wall())
	if why == "" {
		return ""
	}
	return "waits until the server's owner confirms the time (grove clock confirm): " + why
}
