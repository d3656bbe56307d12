package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grovecloud/grove"
)

// refreshEvery is how soon rights that another server of the same records changed
// count here.
const refreshEvery = time.Second

// Granted is where rights are remembered. The version grows with each change.
type Granted interface {
	Grants(ctx context.Context) (grove.Grants, error)
	GrantsVersion(ctx context.Context) (int64, error)
}

// Rights answers who may do what, from memory: it is asked at every delivery. What
// it knows is never changed, only replaced.
type Rights struct {
	granted Granted
	known   atomic.Pointer[grants]

	mu      sync.Mutex // one reads the records at a time
	checked time.Time
	onEnd   func(keyID string)
}

// grants are what is granted at one time, as questions find it.
type grants struct {
	version int64
	edition uint64 // differs from that of any table before it
	all     grove.Grants
	roles   map[int64]grove.Role // of who is not locked
	locked  map[int64]bool
	barred  map[string]bool // ids and hashes of what is granted and counts for nothing, as its account is locked
	keys    map[string]*grove.Key
	hashes  map[string]*grove.Key
	ended   map[string]*grove.Key   // by hash: whose time has come, so that their holders are told so
	sources map[string]netip.Prefix // of keys that are bound to a network
	guests  map[guest]grove.Share
	at      map[string][]int64 // the guests of a printer

	bridges    map[string]*grove.Bridge
	bridgeKeys map[string]*grove.Bridge // by hash
}

// guest is somebody at a printer of somebody else's.
type guest struct {
	serial string
	userID int64
}

// nothing is granted before the records were read.
var nothing = &grants{}

// NewRights reads what is granted.
func NewRights(ctx context.Context, g Granted) (*Rights, error) {
	r := &Rights{granted: g, onEnd: func(string) {}}
	return r, r.Refresh(ctx)
}

func (r *Rights) table() *grants {
	if t := r.known.Load(); t != nil {
		return t
	}
	return nothing
}

// Refresh reads again what is granted, if it changed.
func (r *Rights) Refresh(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh(ctx)
}

// current refreshes unless that was done a moment ago.
func (r *Rights) current(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.checked) < refreshEvery {
		return nil
	}
	return r.refresh(ctx)
}

// refresh is called with r.mu held. A key or bridge that is granted no more, or whose time
// has come, is told of once.
func (r *Rights) refresh(ctx context.Context) error {
	now := time.Now()
	version, err := r.granted.GrantsVersion(ctx)
	if err != nil {
		return err
	}
	before, after := r.table(), r.table()
	if r.known.Load() == nil || version != before.version {
		all, err := r.granted.Grants(ctx)
		if err != nil {
			return err
		}
		after = tabled(all, now)
	} else if before.anyOver(now) {
		after = tabled(before.all, now)
	}
	if after != before {
		after.edition = before.edition + 1
	}
	r.known.Store(after)
	r.checked = now
	for id := range before.keys {
		if after.keys[id] == nil {
			r.onEnd(id)
		}
	}
	for id := range before.bridges {
		if after.bridges[id] == nil {
			r.onEnd(id)
		}
	}
	return nil
}

// tabled arranges grants for questions, without what is over.
func tabled(all grove.Grants, now time.Time) *grants {
	t := &grants{
		version: all.Version, all: all, roles: maps.Clone(all.Roles), locked: map[int64]bool{}, barred: map[string]bool{}, keys: map[string]*grove.Key{}, hashes: map[string]*grove.Key{}, ended: map[string]*grove.Key{},
		sources: map[string]netip.Prefix{}, guests: map[guest]grove.Share{}, at: map[string][]int64{},
		bridges: map[string]*grove.Bridge{}, bridgeKeys: map[string]*grove.Bridge{},
	}
	for _, id := range all.Locked {
		t.locked[id] = true
		delete(t.roles, id)
	}
	for i := range all.Bridges {
		b := &all.Bridges[i]
		if t.locked[b.UserID] {
			t.barred[b.Hash], t.barred[b.ID] = true, true
			continue
		}
		t.bridges[b.ID], t.bridgeKeys[b.Hash] = b, b
	}
	for i := range all.Keys {
		k := &all.Keys[i]
		if t.locked[k.UserID] {
			t.barred[k.Hash], t.barred[k.ID] = true, true
			continue
		}
		if over(k.ExpiresAt, now) {
			t.ended[k.Hash] = k
			continue
		}
		t.keys[k.ID], t.hashes[k.Hash] = k, k
		if k.Network != "" {
			t.sources[k.ID], _ = parseNetwork(k.Network) // one that can't be read holds no address
		}
	}
	for _, s := range all.Shares {
		if !over(s.ExpiresAt, now) {
			t.guests[guest{s.Serial, s.UserID}] = s
			t.at[s.Serial] = append(t.at[s.Serial], s.UserID)
		}
	}
	return t
}

// over reports whether an end has come; no time is no end.
func over(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

func (t *grants) anyOver(now time.Time) bool {
	for _, k := range t.keys {
		if over(k.ExpiresAt, now) {
			return true
		}
	}
	for _, s := range t.guests {
		if over(s.ExpiresAt, now) {
			return true
		}
	}
	return false
}

// followRights keeps up with what other servers of the same records grant, until ctx ends.
func (a *Access) followRights(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	stays := time.NewTicker(staysEvery)
	defer stays.Stop()
	var heeded uint64 // others here read what is granted as well, and end no stays for it
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stays.C:
			a.endStays(ctx)
			continue
		case <-tick.C:
		}
		if err := a.Rights.Refresh(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.log.Warn("rights not read again", slog.Any("error", err))
		}
		if now := a.Edition(); now != heeded {
			heeded = now
			a.endStays(ctx) // somebody may have been locked out elsewhere
		}
	}
}

// changed makes an act on rights count at once. The act is done: when the records
// can't be read just now, [Access.Run] does it.
func (a *Access) changed(ctx context.Context) {
	if err := a.Rights.Refresh(context.WithoutCancel(ctx)); err != nil {
		a.log.Warn("rights not read again", slog.Any("error", err))
	}
}

// knows makes sure of the role of somebody who was made elsewhere.
func (a *Access) knows(ctx context.Context, userID int64) error {
	if a.table().roles[userID] != "" {
		return nil
	}
	if err := a.Rights.Refresh(ctx); err != nil {
		return unavailable(fmt.Errorf("read rights: %w", err))
	}
	return nil
}

// Locked reports whether an account is locked: what it began waits, and nobody acts for
// it.
func (r *Rights) Locked(userID int64) bool { return r.table().locked[userID] }

// Barred reports whether a key or bridge counts for nothing for now, as its account is
// locked.
func (r *Rights) Barred(id string) bool { return r.table().barred[id] }

// Edition is another number after each change of what is granted, an end that came
// with its time included: who remembers what somebody may see asks again then.
func (r *Rights) Edition() uint64 { return r.table().edition }

// Audience is who may read a printer beside its owner.
func (r *Rights) Audience(serial string, ownerID int64) (people []int64) {
	t := r.table()
	for _, userID := range t.at[serial] {
		if t.userMay(userID, grove.ReadPrinter, grove.Resource{Serial: serial, OwnerID: ownerID}) == nil {
			people = append(people, userID)
		}
	}
	return people
}

// Reach is which printers the actor's lists show.
func (r *Rights) Reach(actor grove.Actor) grove.Reach {
	t := r.table()
	reach := grove.Reach{OwnerID: actor.UserID}
	switch actor.Kind {
	case grove.ActorUser:
	case grove.ActorKey:
		k := t.keys[actor.SessionID]
		if k == nil || k.UserID != actor.UserID {
			return grove.Reach{}
		}
		reach.Some, reach.Only = !k.AllPrinters, k.Printers
	case grove.ActorPrinter, grove.ActorCode, grove.ActorBridge, grove.ActorSystem:
		return grove.Reach{}
	}
	if t.roles[actor.UserID] == "" {
		return grove.Reach{}
	}
	now := time.Now()
	for at, s := range t.guests {
		if at.userID == actor.UserID && !over(s.ExpiresAt, now) {
			reach.Shared = append(reach.Shared, grove.Resource{Serial: s.Serial, OwnerID: s.OwnerID})
		}
	}
	return reach
}
