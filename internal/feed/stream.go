package feed

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const (
	// atOnce is how many events a listener takes from the records at a time.
	atOnce = 100
	// tooFar is how many events a listener may be behind before it is told to load
	// everything anew instead.
	tooFar = 1000
	// lookAnyway is how often a listener looks although nobody woke it: events may
	// be stored by another server of the same records.
	lookAnyway = 5 * time.Second
)

// Events gives up to limit of the actor's events after the one numbered after,
// oldest first, at most 100. Who asks again after the last number misses none;
// Conflict cursor_too_old when so much time went by that some may not be kept any more.
func (f *Feed) Events(ctx context.Context, actor grove.Actor, after int64, limit int) ([]grove.Event, error) {
	if err := person(actor); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > atOnce {
		limit = atOnce
	}
	if first, _, err := f.records.EventRange(ctx); err != nil {
		return nil, err
	} else if tooOld(after, first) {
		return nil, grove.Errorf(grove.Conflict, "cursor_too_old",
			"the events after %d are not all kept any more; load anew what you show, and go on after %d", after, first-1)
	}
	return f.page(ctx, actor, after, limit, f.records.Events)
}

// Latest gives up to limit of the actor's events before the one numbered before, newest
// first, at most 100; the newest of all when that is 0.
func (f *Feed) Latest(ctx context.Context, actor grove.Actor, before int64, limit int) ([]grove.Event, error) {
	if err := person(actor); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > atOnce {
		limit = atOnce
	}
	return f.page(ctx, actor, before, limit, f.records.LatestEvents)
}

// page reads on until there is something that the actor may see.
func (f *Feed) page(ctx context.Context, actor grove.Actor, from int64, limit int,
	read func(ctx context.Context, userID, from int64, limit int) ([]grove.Event, error),
) ([]grove.Event, error) {
	for {
		events, err := read(ctx, actor.UserID, from, limit)
		if err != nil || len(events) == 0 {
			return nil, err
		}
		last, whole := events[len(events)-1].ID, len(events) == limit
		if seen := f.seen(actor, events); len(seen) > 0 || !whole {
			return seen, nil
		}
		from = last // else a key for one quiet printer would never get beyond the others'
	}
}

// tooOld reports whether events after the one with this number, which somebody was
// given once, may have been pruned.
func tooOld(after, first int64) bool { return after > 0 && after < first-1 }

// Listener follows the events of one user. It keeps no events, only its place
// among the stored ones: however slow its reader, nobody waits for it and nothing
// grows. It belongs to one goroutine.
type Listener struct {
	feed *Feed
	who  grove.Actor
	user int64
	at   int64 // the last event that was given
	lost bool  // what follows the event it asked for is not kept any more, or that event never was
	wake chan struct{}
}

// Listen follows the actor's events after the one numbered after; after the newest
// when that is negative. When that one is yet to come, as after the records were
// restored from a copy, the first news are to reload. The caller ends it with Stop.
func (f *Feed) Listen(ctx context.Context, actor grove.Actor, after int64) (*Listener, error) {
	if err := person(actor); err != nil {
		return nil, err
	}
	l := &Listener{feed: f, who: actor, user: actor.UserID, at: after, wake: make(chan struct{}, 1)}
	first, last, err := f.records.EventRange(ctx)
	if err != nil {
		return nil, err
	}
	if l.lost = tooOld(after, first) || after > last; l.lost || after < 0 {
		l.at = last
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners[l.user] == nil {
		f.listeners[l.user] = map[*Listener]struct{}{}
	}
	f.listeners[l.user][l] = struct{}{}
	return l, nil
}

// Stop ends the listener.
func (l *Listener) Stop() {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	delete(l.feed.listeners[l.user], l)
	if len(l.feed.listeners[l.user]) == 0 {
		delete(l.feed.listeners, l.user)
	}
}

// Followers is how many listeners there are.
func (f *Feed) Followers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, of := range f.listeners {
		n += len(of)
	}
	return n
}

// News are a listener's next events. Reload means that it fell so far behind that
// some were left out, or that its place is none; what is at hand has to be loaded anew.
type News struct {
	Events []grove.Event
	Last   int64 // where to go on
	Reload bool
}

// Next waits for news, until ctx ends or for wait at most: then there are none.
func (l *Listener) Next(ctx context.Context, wait time.Duration) (News, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		news, err := l.look(ctx)
		if err != nil || len(news.Events) > 0 || news.Reload {
			return news, err
		}
		again := time.NewTimer(lookAnyway)
		select {
		case <-l.wake:
		case <-again.C:
		case <-end.C:
			again.Stop()
			return News{Last: l.at}, nil
		case <-ctx.Done():
			again.Stop()
			return News{}, ctx.Err()
		}
		again.Stop()
	}
}

func (l *Listener) look(ctx context.Context) (News, error) {
	if l.lost {
		l.lost = false
		return News{Last: l.at, Reload: true}, nil
	}
	events, err := l.feed.records.Events(ctx, l.user, l.at, atOnce)
	if err != nil || len(events) == 0 {
		return News{Last: l.at}, err
	}
	if len(events) == atOnce {
		behind, err := l.feed.records.Events(ctx, l.user, l.at, tooFar+1)
		if err != nil {
			return News{}, err
		}
		if len(behind) > tooFar {
			_, last, err := l.feed.records.EventRange(ctx)
			l.at = last
			return News{Last: last, Reload: true}, err
		}
	}
	l.at = events[len(events)-1].ID
	if len(events) == atOnce {
		l.nudge() // there may be more, also when none of these may be seen
	}
	return News{Events: l.feed.seen(l.who, events), Last: l.at}, nil
}

// Committed wakes whoever follows events of these users. It does not block.
func (f *Feed) Committed(events []grove.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		for _, who := range append(f.gate.Audience(e.Data.DeviceID, e.UserID), e.UserID) {
			for l := range f.listeners[who] {
				l.nudge()
			}
		}
	}
}

func (l *Listener) nudge() {
	select {
	case l.wake <- struct{}{}:
	default: // awake already
	}
}
