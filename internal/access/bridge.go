package access

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

// bridgeKeyPrefix begins the key of every bridge. It counts for nothing but carrying:
// where people and programs sign in it is no key at all.
const bridgeKeyPrefix = keyPrefix + "bridge_"

const mostBridges = 100

// Bridges keeps the credentials of bridges. Acts are kept together with the change.
type Bridges interface {
	CreateBridge(ctx context.Context, b grove.Bridge, acts ...grove.AuditEntry) error
	Bridges(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Bridge], error)
	RevokeBridge(ctx context.Context, userID int64, id string, at time.Time, acts ...grove.AuditEntry) error
	// BridgeCame notes an arrival and counts it.
	BridgeCame(ctx context.Context, id string, seen grove.BridgeSeen) (grove.BridgeSeen, error)
	// TellBridge notes what the owner was told last, with the events that say so, unless
	// they know it. ToldBridges are those of which they think that they are connected.
	TellBridge(ctx context.Context, id string, connected bool, events func(b grove.Bridge) []grove.Event) error
	ToldBridges(ctx context.Context) ([]string, error)
}

func (r *Rights) mayBridge(actor grove.Actor) error {
	mine := grove.Resource{OwnerID: actor.UserID}
	if err := r.Authorize(actor, grove.AdminKeys, mine); err != nil {
		return err
	}
	return r.Authorize(actor, grove.BindPrinter, mine)
}

// CreateBridge makes a bridge for the actor's printers and gives its key, this once.
// Who may bind printers may do it, and only people.
func (a *Access) CreateBridge(ctx context.Context, actor grove.Actor, name string) (grove.Bridge, grove.Secret, error) {
	if err := a.mayBridge(actor); err != nil {
		return grove.Bridge{}, "", err
	}
	if name = strings.TrimSpace(name); name == "" {
		return grove.Bridge{}, "", wrongField("name", "name the bridge after the network it is in")
	}
	if err := checkName(name); err != nil {
		return grove.Bridge{}, "", err
	}
	has, err := a.records.Bridges(ctx, actor.UserID, grove.Page{})
	if err != nil {
		return grove.Bridge{}, "", err
	}
	standing := slices.DeleteFunc(has.Items, func(b grove.Bridge) bool { return !b.RevokedAt.IsZero() })
	if len(standing) >= mostBridges {
		return grove.Bridge{}, "", grove.Errorf(grove.Conflict, "too_many_bridges", "this account has %d bridges, which is the most; remove one that is not used any more", mostBridges)
	}
	secret := bridgeKeyPrefix + strings.ToLower(rand.Text()+rand.Text())
	b := grove.Bridge{
		ID: "bridge_" + strings.ToLower(ulid.Make().String()), UserID: actor.UserID, Name: name,
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond), Hash: hashed(secret),
	}
	if err := a.records.CreateBridge(ctx, b, actor.Did("bridge.create", b.ID+" "+b.Name)); err != nil {
		return grove.Bridge{}, "", err
	}
	a.changed(ctx)
	return b, grove.Secret(secret), nil
}

// Bridges lists the actor's bridges, the newest first, also those that were removed.
func (a *Access) Bridges(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Bridge], error) {
	if err := a.Authorize(actor, grove.AdminKeys, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.List[grove.Bridge]{}, err
	}
	return a.records.Bridges(ctx, actor.UserID, page)
}

// RevokeBridge ends a bridge of the actor's, and its connection.
func (a *Access) RevokeBridge(ctx context.Context, actor grove.Actor, id string) error {
	if err := a.Authorize(actor, grove.AdminKeys, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return err
	}
	if err := a.records.RevokeBridge(ctx, actor.UserID, id, time.Now().UTC(), actor.Did("bridge.revoke", id)); err != nil {
		return err
	}
	a.changed(ctx)
	return nil
}

// revokeBridges ends all bridges of a user.
func (a *Access) revokeBridges(ctx context.Context, userID int64) error {
	list, err := a.records.Bridges(ctx, userID, grove.Page{})
	if err != nil {
		return fmt.Errorf("list bridges: %w", err)
	}
	who := grove.Actor{Kind: grove.ActorUser, UserID: userID}
	for _, b := range list.Items {
		if !b.RevokedAt.IsZero() {
			continue
		}
		if err := a.records.RevokeBridge(ctx, userID, b.ID, time.Now().UTC(), who.Did("bridge.revoke", b.ID)); err != nil {
			return fmt.Errorf("revoke bridge: %w", err)
		}
	}
	a.changed(ctx)
	return nil
}

// EnterBridge lets a bridge in by its key. It is an actor of its own, which may do
// nothing else here.
func (a *Access) EnterBridge(ctx context.Context, key string) (grove.Actor, error) {
	if err := a.current(ctx); err != nil {
		return grove.Actor{}, unavailable(fmt.Errorf("read rights: %w", err))
	}
	t, hash := a.table(), hashed(key)
	if t.barred[hash] {
		return grove.Actor{}, accountBarred()
	}
	b := t.bridgeKeys[hash]
	if !strings.HasPrefix(key, bridgeKeyPrefix) || b == nil {
		return grove.Actor{}, tokenInvalid("no bridge has such a key, or it was removed")
	}
	return grove.Actor{Kind: grove.ActorBridge, SessionID: b.ID}, nil
}

// BridgeCame notes an arrival of a bridge that was let in.
func (a *Access) BridgeCame(ctx context.Context, actor grove.Actor, seen grove.BridgeSeen) (grove.BridgeSeen, error) {
	if actor.Kind != grove.ActorBridge {
		return grove.BridgeSeen{}, grove.Errorf(grove.Forbidden, "not_a_bridge", "only bridges carry printers")
	}
	seen.Since, seen.Version = time.Now().UTC().Truncate(time.Millisecond), oneLine(seen.Version, 40)
	return a.records.BridgeCame(ctx, actor.SessionID, seen)
}

// MayCarry reports whether a bridge carries this account's printers: NotFound unless
// it is the account's own.
func (r *Rights) MayCarry(bridgeID string, userID int64) error {
	b := r.table().bridges[bridgeID]
	if b == nil || b.UserID != userID || userID <= 0 {
		return grove.NoBridge(bridgeID)
	}
	return nil
}
