package fleet

import (
	"context"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Printers lists the actor's printers as they are now.
func (f *Fleet) Printers(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Live], error) {
	if err := f.Gate.Authorize(actor, grove.ReadPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.List[grove.Live]{}, err
	}
	stored, err := f.Records.Printers(ctx, actor.UserID, page)
	if err != nil {
		return grove.List[grove.Live]{}, err
	}
	out := grove.List[grove.Live]{Total: stored.Total, More: stored.More, Items: make([]grove.Live, 0, len(stored.Items))}
	for _, p := range stored.Items {
		if live, err := f.Now(p.Serial); err == nil {
			out.Items = append(out.Items, live)
		}
	}
	return out, nil
}

// Live is one printer as it is now.
func (f *Fleet) Live(_ context.Context, actor grove.Actor, serial string) (grove.Live, error) {
	if _, err := f.may(actor, grove.ReadPrinter, serial); err != nil {
		return grove.Live{}, err
	}
	return f.Now(serial)
}

// Now is one printer as it is now, for callers inside the server that have
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
