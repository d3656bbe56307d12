package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

// keyPrefix begins every API key, so that scanners for leaked secrets find them.
const keyPrefix = "grove_"

// IsKey reports whether a token is, or would be, a key and not a session's.
func IsKey(token string) bool { return strings.HasPrefix(token, keyPrefix) }

// most bounds what one account may have of each kind.
const mostKeys = 100

// useNoted is how often the last use of a key or a session is written down.
const useNoted = time.Minute

// noteWithin is how long that may take, and noteAgain how long after a failure it is
// tried again.
const (
	noteWithin = 5 * time.Second
	noteAgain  = 10 * time.Second
)

// Keys keeps API keys. Acts are kept together with the change.
type Keys interface {
	CreateKey(ctx context.Context, k grove.Key, acts ...grove.AuditEntry) error
	Keys(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Key], error)
	RevokeKey(ctx context.Context, userID int64, id string, at time.Time, acts ...grove.AuditEntry) error
	KeyUsed(ctx context.Context, id string, u grove.Use) error
}

// KeyWish is what a new key shall be good for.
type KeyWish struct {
	Name        string
	Scopes      []grove.Action
	AllPrinters bool
	Printers    []string
	Network     string    // an address or a CIDR; empty: from anywhere
	ExpiresAt   time.Time // zero: until revoked
}

// CreateKey makes a key of the actor's account and gives its secret, this once.
// Programs can't make keys.
func (a *Access) CreateKey(ctx context.Context, actor grove.Actor, w KeyWish) (grove.Key, grove.Secret, error) {
	if err := a.Authorize(actor, grove.AdminKeys, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.Key{}, "", err
	}
	if err := w.check(time.Now()); err != nil {
		return grove.Key{}, "", err
	}
	for _, serial := range w.Printers {
		if _, err := a.readable(ctx, actor, serial); err != nil {
			return grove.Key{}, "", err
		}
	}
	has, err := a.records.Keys(ctx, actor.UserID, grove.Page{})
	if err != nil {
		return grove.Key{}, "", err
	}
	standing := slices.DeleteFunc(has.Items, func(k grove.Key) bool { return !k.RevokedAt.IsZero() || over(k.ExpiresAt, time.Now()) })
	if len(standing) >= mostKeys {
		return grove.Key{}, "", grove.Errorf(grove.Conflict, "too_many_keys", "this account has %d keys, which is the most; revoke one that is not used any more", mostKeys)
	}
	secret := keyPrefix + strings.ToLower(rand.Text()+rand.Text())
	k := grove.Key{
		ID: "key_" + strings.ToLower(ulid.Make().String()), UserID: actor.UserID, Name: strings.TrimSpace(w.Name),
		Scopes: append([]grove.Action{}, w.Scopes...), AllPrinters: w.AllPrinters, Printers: append([]string{}, w.Printers...), Network: w.Network,
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond), ExpiresAt: w.ExpiresAt.UTC().Truncate(time.Millisecond), Hash: hashed(secret),
	}
	if err := a.records.CreateKey(ctx, k, actor.Did("key.create", k.ID+" "+k.Name)); err != nil {
		return grove.Key{}, "", err
	}
	a.changed(ctx)
	return k, grove.Secret(secret), nil
}

func (w KeyWish) check(now time.Time) error {
	if strings.TrimSpace(w.Name) == "" {
		return wrongField("name", "name the key after what will use it")
	}
	if err := checkName(w.Name); err != nil {
		return err
	}
	for _, s := range w.Scopes {
		if !slices.Contains(grove.Scopes(), s) {
			return wrongField("scopes", fmt.Sprintf("no key can have the scope %q; there are %s", string(s), listed(grove.Scopes())))
		}
	}
	if w.AllPrinters && len(w.Printers) > 0 {
		return wrongField("printers", "a key is for all printers, or for those that are named, not both")
	}
	if len(w.Printers) > 100 {
		return wrongField("printers", "at most 100 printers can be named; make the key for all of them")
	}
	if w.Network != "" {
		if _, err := parseNetwork(w.Network); err != nil {
			return wrongField("network", "the network must be an address, such as 192.168.1.20, or a range of them, such as 192.168.1.0/24")
		}
	}
	if over(w.ExpiresAt, now) {
		return wrongField("expires_at", "the end of the key is past already")
	}
	return nil
}

func listed(actions []grove.Action) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

// parseNetwork reads an address or a CIDR.
func parseNetwork(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	addr = addr.Unmap()
	return addr.Prefix(addr.BitLen())
}

// hashed is how secrets of 256 bits are kept: nothing can be guessed of them.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Keys lists the actor's keys, the newest first, also those that have ended.
func (a *Access) Keys(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Key], error) {
	if err := a.Authorize(actor, grove.AdminKeys, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.List[grove.Key]{}, err
	}
	return a.records.Keys(ctx, actor.UserID, page)
}

// RevokeKey ends a key of the actor's, and every connection that came in by it.
func (a *Access) RevokeKey(ctx context.Context, actor grove.Actor, id string) error {
	if err := a.Authorize(actor, grove.AdminKeys, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return err
	}
	if err := a.records.RevokeKey(ctx, actor.UserID, id, time.Now().UTC(), actor.Did("key.revoke", id)); err != nil {
		return err
	}
	a.changed(ctx)
	return nil
}

// AuthenticateFrom is [Access.Authenticate] for a bearer that may also be an API
// key, which may count from some addresses only: Forbidden from others. That it was
// used is noted.
func (a *Access) AuthenticateFrom(ctx context.Context, bearer string, v Visit) (grove.Actor, error) {
	check := a.Authenticate
	if strings.HasPrefix(bearer, keyPrefix) {
		check = func(ctx context.Context, bearer string) (grove.Actor, error) { return a.byKey(ctx, bearer, v.Remote) }
	}
	actor, err := check(ctx, bearer)
	if err == nil {
		a.noteUse(ctx, actor, v)
	}
	return actor, err
}

// Visit is who comes with a credential.
type Visit struct {
	Remote netip.Addr
	Client string // what the client calls itself
	Over   string // [grove.OverHTTP] or [grove.OverMQTT]
}

// Use is the visit as it is written down.
func (v Visit) Use(now time.Time) grove.Use {
	return grove.Use{UsedAt: now.UTC(), UsedFrom: v.Remote.Unmap().WithZone("").String(), UsedBy: oneLine(v.Client, 200), UsedOver: v.Over}
}

// noteUse writes a use down, now and then.
func (a *Access) noteUse(ctx context.Context, actor grove.Actor, v Visit) {
	now, id := time.Now(), actor.SessionID
	if !a.uses.due(v.Over+" "+id, now) {
		return
	}
	u := v.Use(now)
	note := a.records.SessionUsed
	if actor.Kind == grove.ActorKey {
		note = a.records.KeyUsed
	}
	// Who hangs up at once has come all the same.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer stop()
	if err := note(ctx, id, u); err != nil {
		a.uses.soon(v.Over+" "+id, now)
		a.log.Warn("use of a key or session not noted", slog.String("id", id), slog.Any("error", err))
	}
}

func (a *Access) byKey(ctx context.Context, bearer string, remote netip.Addr) (grove.Actor, error) {
	if err := a.current(ctx); err != nil {
		return grove.Actor{}, unavailable(fmt.Errorf("read rights: %w", err))
	}
	t, now := a.table(), time.Now()
	hash := hashed(bearer)
	k := t.hashes[hash]
	switch {
	case t.barred[hash]:
		return grove.Actor{}, accountBarred()
	case t.ended[hash] != nil:
		return grove.Actor{}, tokenExpired()
	case k == nil:
		return grove.Actor{}, tokenInvalid("no API key is like this, or it was revoked")
	case over(k.ExpiresAt, now):
		return grove.Actor{}, tokenExpired()
	case k.Network != "" && !t.sources[k.ID].Contains(remote.Unmap().WithZone("")):
		return grove.Actor{}, grove.Errorf(grove.Forbidden, "key_network", "this API key does not count from here, only from %s", k.Network)
	}
	return grove.Actor{Kind: grove.ActorKey, UserID: k.UserID, SessionID: k.ID}, nil
}

// uses remembers which uses of keys and sessions were written down.
type uses struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// due reports whether a use is to be written down, and takes it for done.
func (u *uses) due(id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.seen[id]; ok && now.Sub(last) < useNoted {
		return false
	}
	if u.seen == nil {
		u.seen = map[string]time.Time{}
	}
	makeRoom(u.seen, time.Time.Compare)
	u.seen[id] = now
	return true
}

// soon has a use written down that comes a while after one that could not be.
func (u *uses) soon(id string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[id] = now.Add(noteAgain - useNoted)
}

// revokeAll ends all keys of a user.
func (a *Access) revokeAll(ctx context.Context, userID int64) error {
	list, err := a.records.Keys(ctx, userID, grove.Page{})
	if err != nil {
		return fmt.Errorf("list keys: %w", err)
	}
	who := grove.Actor{Kind: grove.ActorUser, UserID: userID}
	for _, k := range list.Items {
		if !k.RevokedAt.IsZero() {
			continue
		}
		if err := a.records.RevokeKey(ctx, userID, k.ID, time.Now().UTC(), who.Did("key.revoke", k.ID)); err != nil {
			return fmt.Errorf("revoke key: %w", err)
		}
	}
	a.changed(ctx)
	return nil
}
