package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

const (
	// MostClosely is how many printers one viewer may follow closely by name.
	MostClosely = 200
	// mostWhole is how many printers a viewer may have to follow all of them closely.
	mostWhole = 50
	// mostLookouts is how many viewers one account may have at a time.
	mostLookouts = 100
	// lookoutRest is between two deliveries to a viewer: what changes meanwhile is
	// told once, as it is then.
	lookoutRest = 250 * time.Millisecond
)

// Interest is what a viewer wants to see of the printers that it may see.
type Interest struct {
	// Only is the one printer that is looked at, closely; empty: all.
	Only string
	// Closely are the printers of which every change is told, whether they may be seen
	// yet or not. Of the others it is told what shows from afar: see [outline].
	Closely []string
	// Whole is for every change of all, up to 50.
	Whole bool
}

// Seen is a printer that changed, or that is not to be seen any more.
type Seen struct {
	Serial string
	Gone   bool
	Live   json.RawMessage // a grove.Live, as this viewer may see it; nil when gone
}

// Lookout follows printers for one viewer. It keeps no reports, only which printers
// changed: however slow its reader, no printer waits for it, nothing grows, and what it
// gives is the newest. Each printer knows who looks at it, so that a viewer costs
// nothing where it may not look. It belongs to one goroutine.
type Lookout struct {
	fleet *Fleet
	who   grove.Actor
	only  string
	whole bool
	near  map[string]bool // serials that are followed closely

	posts    map[string]*unit // what is looked at
	gone     []string         // what was, until it is told
	surveyed bool
	edition  uint64 // of the rights at the last survey
	bindings uint64 // of the fleet
	resting  time.Time

	wake chan struct{}

	mu      sync.Mutex
	changed map[string]bool // serials; in posts
}

// LookOut follows printers for the actor. The caller ends it with Stop. Invalid
// too_many_watched when more is wanted closely than one viewer may have, Limited
// too_many_viewers when the account has too many of them.
func (f *Fleet) LookOut(actor grove.Actor, in Interest) (*Lookout, error) {
	if in.Only != "" {
		if _, err := f.may(actor, grove.ReadPrinter, in.Only); err != nil {
			return nil, err
		}
	} else if err := f.Gate.Authorize(actor, grove.ReadPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return nil, err
	}
	if len(in.Closely) > MostClosely {
		return nil, tooMany(len(in.Closely))
	}
	if !f.enter(actor.UserID) {
		return nil, grove.Errorf(grove.Limited, "too_many_viewers",
			"this account watches its printers from %d places already, which is the most; close some of them", mostLookouts)
	}
	l := &Lookout{
		fleet: f, who: actor, only: in.Only, whole: in.Whole || in.Only != "", near: map[string]bool{},
		posts: map[string]*unit{}, wake: make(chan struct{}, 1), changed: map[string]bool{},
	}
	for _, serial := range in.Closely {
		l.near[serial] = true
	}
	l.survey()
	if n := len(l.posts); in.Whole && n > mostWhole {
		l.Stop()
		return nil, grove.Errorf(grove.Invalid, "too_many_watched",
			"all %d printers are to be watched closely, which only up to %d are; name up to %d that are in sight", n, mostWhole, MostClosely)
	}
	return l, nil
}

// Follow changes which printers are followed closely; those that are from now on are
// told as they are.
func (l *Lookout) Follow(closely []string) error {
	if len(closely) > MostClosely {
		return tooMany(len(closely))
	}
	near := map[string]bool{}
	for _, serial := range closely {
		near[serial] = true
	}
	for serial, u := range l.posts {
		if near[serial] == l.near[serial] {
			continue
		}
		u.unwatch(l)
		u.watch(l, near[serial])
		if near[serial] {
			l.note(serial)
		}
	}
	l.near, l.whole = near, false
	return nil
}

func tooMany(n int) error {
	return grove.Errorf(grove.Invalid, "too_many_watched",
		"%d printers are to be watched closely, and %d is the most; name those that are in sight, all others show what changes about them anyway", n, MostClosely)
}

// viewers counts lookouts by account.
type viewers struct {
	mu sync.Mutex
	of map[int64]int
}

func (f *Fleet) enter(userID int64) bool {
	f.viewers.mu.Lock()
	defer f.viewers.mu.Unlock()
	if f.viewers.of[userID] >= mostLookouts {
		return false
	}
	f.viewers.of[userID]++
	return true
}

// Viewers is how many follow printers now.
func (f *Fleet) Viewers() int {
	f.viewers.mu.Lock()
	defer f.viewers.mu.Unlock()
	n := 0
	for _, of := range f.viewers.of {
		n += of
	}
	return n
}

// Stop ends the lookout.
func (l *Lookout) Stop() {
	for _, u := range l.posts {
		u.unwatch(l)
	}
	l.posts = nil
	l.fleet.viewers.mu.Lock()
	defer l.fleet.viewers.mu.Unlock()
	if l.fleet.viewers.of[l.who.UserID]--; l.fleet.viewers.of[l.who.UserID] == 0 {
		delete(l.fleet.viewers.of, l.who.UserID)
	}
}

// All is each printer as it is now, the last bound first; Next goes on from there.
func (l *Lookout) All() []json.RawMessage {
	l.survey()
	l.gone = nil
	l.take()
	type one struct {
		serial string
		bound  time.Time
		live   json.RawMessage
	}
	var all []one
	for serial, u := range l.posts {
		u.mu.Lock()
		bound := u.printer.BoundAt
		u.mu.Unlock()
		if live := l.look(u); live != nil {
			all = append(all, one{serial, bound, live})
		}
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Or(b.bound.Compare(a.bound), cmp.Compare(b.serial, a.serial)) })
	lives := make([]json.RawMessage, len(all))
	for i := range all {
		lives[i] = all[i].live
	}
	return lives
}

// Next waits for changes, until ctx ends or for wait at most: then there are none.
// It gives a printer at most four times a second.
func (l *Lookout) Next(ctx context.Context, wait time.Duration) ([]Seen, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	rested := time.NewTimer(time.Until(l.resting))
	defer rested.Stop()
	select {
	case <-rested.C:
	case <-end.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		l.survey()
		if seen := l.see(); len(seen) > 0 {
			l.resting = time.Now().Add(lookoutRest)
			return seen, nil
		}
		select {
		case <-l.wake:
		case <-end.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// survey looks at the printers that came within reach and no more at those that went,
// if anything of that changed.
func (l *Lookout) survey() {
	edition, bindings := l.fleet.Gate.Edition(), l.fleet.bindings.Load()
	if l.surveyed && edition == l.edition && bindings == l.bindings {
		return
	}
	l.surveyed, l.edition, l.bindings = true, edition, bindings
	within := l.within()
	for serial, u := range l.posts {
		if within[serial] == u {
			continue
		}
		u.unwatch(l)
		delete(l.posts, serial)
		if within[serial] == nil {
			l.gone = append(l.gone, serial)
		}
	}
	for serial, u := range within {
		if l.posts[serial] == nil {
			u.watch(l, l.near[serial] || l.whole && len(l.posts) < mostWhole)
			l.posts[serial] = u
			l.note(serial)
		}
	}
}

// within are the printers that may be seen now.
func (l *Lookout) within() map[string]*unit {
	var all []*unit
	if l.only == "" {
		all = l.fleet.all()
	} else if u, err := l.fleet.unit(l.only); err == nil {
		all = append(all, u)
	}
	reach := l.fleet.Gate.Reach(l.who)
	within := map[string]*unit{}
	for _, u := range all {
		if reach.Has(u.serial, u.owner.Load()) {
			within[u.serial] = u
		}
	}
	return within
}

// note is called by printers that changed, under their lock.
func (l *Lookout) note(serial string) {
	l.mu.Lock()
	l.changed[serial] = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // awake already
	}
}

// take gives the serials of what changed.
func (l *Lookout) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.changed) == 0 {
		return nil
	}
	serials := slices.Sorted(maps.Keys(l.changed))
	clear(l.changed)
	return serials
}

// see gives what changed and what is gone, as it is now.
func (l *Lookout) see() []Seen {
	var seen []Seen
	for _, serial := range l.gone {
		seen = append(seen, Seen{Serial: serial, Gone: true})
	}
	l.gone = nil
	for _, serial := range l.take() {
		if u := l.posts[serial]; u != nil {
			if live := l.look(u); live != nil {
				seen = append(seen, Seen{Serial: serial, Live: live})
			}
		}
	}
	return seen
}

// look is the printer as the viewer may see it this moment; nil when it may not, or when
// it is that printer no more: the next survey tells so.
func (l *Lookout) look(u *unit) json.RawMessage {
	f := l.fleet
	on := grove.Resource{Serial: u.serial, OwnerID: u.owner.Load()}
	if now, err := f.unit(u.serial); err != nil || now != u || f.Gate.Authorize(l.who, grove.ReadPrinter, on) != nil {
		return nil
	}
	live, err := f.draw(u, manner{whole: f.Gate.Authorize(l.who, grove.SeeCode, on) == nil, detailed: l.only != ""})
	if err != nil {
		f.Log.Error("printer not shown", slog.String("printer", u.serial), slog.Any("error", err))
	}
	return live
}
