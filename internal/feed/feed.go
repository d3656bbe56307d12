// Package feed shows people what happened: events as they come, and the
// notifications of their printers.
package feed

import (
	"context"
	"slices"
	"sync"

	"github.com/grovecloud/grove"
)

// Records keeps events and notifications.
type Records interface {
	// Events are a user's and those of the printers shared with them, from then on.
	Events(ctx context.Context, userID, after int64, limit int) ([]grove.Event, error)
	// LatestEvents are the same before one, newest first; before 0: the newest of all.
	LatestEvents(ctx context.Context, userID, before int64, limit int) ([]grove.Event, error)
	// EventRange is the numbers of the oldest event that is kept and of the newest.
	EventRange(ctx context.Context) (first, last int64, err error)
	Notifications(ctx context.Context, userID int64, unreadOnly bool, page grove.Page) (grove.List[grove.Notification], error)
	// Messages lists the same, by their numbers.
	Messages(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Notification], error)
	NotificationByNumber(ctx context.Context, userID, number int64) (grove.Notification, error)
	MarkNotification(ctx context.Context, userID int64, id string, read bool) error
	ReadNotifications(ctx context.Context, userID int64) error
}

// Gate answers permission questions.
type Gate interface {
	Authorize(actor grove.Actor, action grove.Action, r grove.Resource) error
	// Reach is which printers the actor's lists show.
	Reach(actor grove.Actor) grove.Reach
	// Audience is who may read a printer beside its owner.
	Audience(serial string, ownerID int64) []int64
}

// Config says what the feed works with.
type Config struct {
	Records Records
	Gate    Gate
}

// Feed shows events and notifications. It is safe for concurrent use.
type Feed struct {
	records Records
	gate    Gate

	mu        sync.Mutex
	listeners map[int64]map[*Listener]struct{} // by user
}

// New makes a feed.
func New(cfg Config) *Feed {
	return &Feed{records: cfg.Records, gate: cfg.Gate, listeners: map[int64]map[*Listener]struct{}{}}
}

// Notifications lists what the actor was told, newest first.
func (f *Feed) Notifications(ctx context.Context, actor grove.Actor, unreadOnly bool, page grove.Page) (grove.List[grove.Notification], error) {
	if err := f.whole(actor); err != nil {
		return grove.List[grove.Notification]{}, err
	}
	return f.records.Notifications(ctx, actor.UserID, unreadOnly, page)
}

// Messages lists what the actor was told for clients that go on after a number.
func (f *Feed) Messages(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Notification], error) {
	if err := f.whole(actor); err != nil {
		return grove.List[grove.Notification]{}, err
	}
	return f.records.Messages(ctx, actor.UserID, page)
}

// Notification is one that the actor was told, by its number.
func (f *Feed) Notification(ctx context.Context, actor grove.Actor, number int64) (grove.Notification, error) {
	if err := f.whole(actor); err != nil {
		return grove.Notification{}, err
	}
	return f.records.NotificationByNumber(ctx, actor.UserID, number)
}

// ReadAll marks all that the actor was told as read.
func (f *Feed) ReadAll(ctx context.Context, actor grove.Actor) error {
	if err := person(actor); err != nil {
		return err
	}
	return f.records.ReadNotifications(ctx, actor.UserID)
}

// Mark sets whether the actor has read a notification. One of somebody else is
// NotFound.
func (f *Feed) Mark(ctx context.Context, actor grove.Actor, id string, read bool) error {
	if err := f.whole(actor); err != nil {
		return err
	}
	return f.records.MarkNotification(ctx, actor.UserID, id, read)
}

// whole refuses also a key for some printers: notifications are kept by account.
func (f *Feed) whole(actor grove.Actor) error {
	if err := person(actor); err != nil {
		return err
	}
	if err := f.gate.Authorize(actor, grove.ReadPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return err
	}
	if f.gate.Reach(actor).Some {
		return grove.Errorf(grove.Forbidden, "key_printers", "notifications tell of every printer, and this API key is for some; read the events instead")
	}
	return nil
}

// sees reports whether an event is of a printer that the actor may read: a key may
// be for some printers only, and what was shared may not be any more.
func (f *Feed) sees(actor grove.Actor, e grove.Event) bool {
	if e.Data.DeviceID == "" && f.gate.Reach(actor).Some {
		return false // of no printer, so of none that the key is for
	}
	return f.gate.Authorize(actor, grove.ReadPrinter, grove.Resource{Serial: e.Data.DeviceID, OwnerID: e.UserID}) == nil
}

// seen leaves out of events what the actor must not see.
func (f *Feed) seen(actor grove.Actor, events []grove.Event) []grove.Event {
	return slices.DeleteFunc(events, func(e grove.Event) bool { return !f.sees(actor, e) })
}

// person refuses everyone who does not act for an account.
func person(actor grove.Actor) error {
	switch {
	case (actor.Kind == grove.ActorUser || actor.Kind == grove.ActorKey) && actor.UserID > 0:
		return nil
	case actor.Kind == "" || actor.Kind == grove.ActorUser:
		return grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "please login: this belongs to an account")
	}
	return grove.Errorf(grove.Forbidden, "not_a_person", "this belongs to people; sign in with an account")
}
