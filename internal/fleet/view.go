package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Printers lists the actor's printers, and those shared with them, as they are now,
// the last bound first. It takes no database. Raw is left out; Live has it.
func (f *Fleet) Printers(_ context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Live], error) {
	if err := f.Gate.Authorize(actor, grove.ReadPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.List[grove.Live]{}, err
	}
	reach := f.Gate.Reach(actor)
	var mine []grove.Live
	for _, u := range f.all() {
		if !reach.Has(u.serial, u.owner.Load()) {
			continue
		}
		u.mu.Lock()
		live := u.live()
		u.mu.Unlock()
		mine = append(mine, f.shown(actor, live))
	}
	slices.SortFunc(mine, func(a, b grove.Live) int {
		return cmp.Or(b.BoundAt.Compare(a.BoundAt), cmp.Compare(b.Serial, a.Serial))
	})
	return cut(mine, page)
}

// cut is the page of a list that is in memory whole.
func cut(all []grove.Live, page grove.Page) (grove.List[grove.Live], error) {
	from := page.Skip()
	if page.After != "" {
		at := slices.IndexFunc(all, func(l grove.Live) bool { return l.Serial == page.After })
		if at < 0 {
			return grove.List[grove.Live]{}, noPlace(page.After)
		}
		from = at + 1
	}
	from = min(from, len(all))
	to := len(all)
	if page.Limit > 0 {
		to = min(to, from+page.Limit)
	}
	return grove.List[grove.Live]{Items: all[from:to], Total: len(all), More: to < len(all)}, nil
}

// noPlace refuses to go on after a printer that is not in the list: its serial
// says nothing of where it was.
func noPlace(serial string) error {
	words := fmt.Sprintf("after is %q, and you have no printer of this serial, or not any more; begin the list again without after", serial)
	return &grove.Error{Code: grove.Invalid, Reason: "after", Message: words, Fields: map[string]string{"after": words}}
}

// Owned are an owner's printers as they are now, without Raw, in no order, for callers
// inside the server that have asked the gate themselves.
func (f *Fleet) Owned(ownerID int64) []grove.Live {
	var owned []grove.Live
	for _, u := range f.all() {
		if u.owner.Load() != ownerID {
			continue
		}
		u.mu.Lock()
		owned = append(owned, u.live())
		u.mu.Unlock()
	}
	return owned
}

// Census counts the printers that belong to somebody, and those among them that are
// connected.
func (f *Fleet) Census() (bound, online int) {
	for _, u := range f.all() {
		u.mu.Lock()
		owned, connected := u.owner.Load() != 0, u.link != nil
		u.mu.Unlock()
		if owned {
			bound++
		}
		if owned && connected {
			online++
		}
	}
	return bound, online
}

// Live is one printer as it is now.
func (f *Fleet) Live(_ context.Context, actor grove.Actor, serial string) (grove.Live, error) {
	u, err := f.may(actor, grove.ReadPrinter, serial)
	if err != nil {
		return grove.Live{}, err
	}
	clients := f.Clients(serial)
	u.mu.Lock()
	defer u.mu.Unlock()
	live := u.detailed(clients)
	live.Raw = u.state.JSON()
	return f.shown(actor, live), nil
}

// Report is all that a printer said, in its own words.
func (f *Fleet) Report(_ context.Context, actor grove.Actor, serial string) (grove.RawReport, error) {
	u, err := f.may(actor, grove.ReadPrinter, serial)
	if err != nil {
		return grove.RawReport{}, err
	}
	placed := f.Gate.Authorize(actor, grove.SeeCode, grove.Resource{Serial: serial, OwnerID: u.owner.Load()}) == nil
	u.mu.Lock()
	defer u.mu.Unlock()
	r := grove.RawReport{
		Serial: serial, ReportedAt: u.reportedAt, Complete: u.complete, Report: u.state.Told(string(u.printer.AccessCode), placed),
	}
	if !r.ReportedAt.IsZero() {
		r.AgeSeconds = time.Since(r.ReportedAt).Seconds()
	}
	return r, nil
}

// shown is a printer as the actor may see it. The access code opens it to whoever
// holds it, so it is not for those who only may do some things; nor is its address.
func (f *Fleet) shown(actor grove.Actor, live grove.Live) grove.Live {
	if f.Gate.Authorize(actor, grove.SeeCode, grove.Resource{Serial: live.Serial, OwnerID: live.OwnerID}) != nil {
		return withheld(live)
	}
	return live
}

// withheld is a printer without what opens it and where it stands.
func withheld(live grove.Live) grove.Live {
	live.AccessCode, live.Trouble, live.LAN, live.CodeUse = "", placeless(live.Trouble, live.LAN), nil, grove.Use{}
	if live.Details != nil {
		less := *live.Details
		less.Addresses = nil
		live.Details = &less
	}
	return live
}

// Now is one printer as it is now, without Raw, for callers inside the server that have
// asked the gate themselves.
func (f *Fleet) Now(serial string) (grove.Live, error) {
	u, err := f.unit(serial)
	if err != nil {
		return grove.Live{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.live(), nil
}

// Versions is what a printer said of its firmware; empty before it said so.
func (f *Fleet) Versions(_ context.Context, actor grove.Actor, serial string) (bambu.Versions, error) {
	u, err := f.may(actor, grove.ReadPrinter, serial)
	if err != nil {
		return bambu.Versions{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.versions, nil
}
