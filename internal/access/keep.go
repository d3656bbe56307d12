package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// Tallies keeps what is counted, so that a restart forgets no failure.
type Tallies interface {
	Tallies(ctx context.Context, now time.Time) ([]grove.Tally, error)
	SaveTallies(ctx context.Context, tallies []grove.Tally, now time.Time, most int) error
}

const (
	// savedWithin is what a crash may lose. A sign-in does not wait for the disk.
	savedWithin = 250 * time.Millisecond
	// savedAtOnce keeps the transactions of a flood short.
	savedAtOnce = 500
)

// keeper holds every memory of this package that strangers can fill, and what of it
// is to be written down yet.
type keeper struct {
	key  []byte        // what is counted may be a password that was typed into the wrong field
	wake chan struct{} // something is to be written down

	mu       sync.Mutex
	memories map[string]*memory
	unsaved  map[tallyID]grove.Tally
}

type tallyID struct{ kind, hash string }

func newKeeper(key []byte) *keeper {
	return &keeper{key: key, wake: make(chan struct{}, 1), memories: map[string]*memory{}, unsaved: map[tallyID]grove.Tally{}}
}

// memory is what one rule counts, by the keyed hashes of whom. It is bounded by
// maxRemembered.
type memory struct {
	keeper     *keeper
	kind       string
	life, hold time.Duration // the longest that anything is remembered, and refused

	seen map[string]grove.Tally
}

func (k *keeper) memory(kind string, life, hold time.Duration) *memory {
	m := &memory{keeper: k, kind: kind, life: life, hold: hold, seen: map[string]grove.Tally{}}
	k.memories[kind] = m
	return m
}

func (m *memory) hash(key string) string {
	mac := hmac.New(sha256.New, m.keeper.key)
	fmt.Fprintf(mac, "%s\x00%s", m.kind, key)
	return hex.EncodeToString(mac.Sum(nil))
}

// read is what counts of a key now.
func (m *memory) read(key string, now time.Time) grove.Tally {
	hash := m.hash(key)
	m.keeper.mu.Lock()
	defer m.keeper.mu.Unlock()
	return m.current(hash, now)
}

func (m *memory) current(hash string, now time.Time) grove.Tally {
	t, ok := m.seen[hash]
	if !ok || !now.Before(t.EndsAt) {
		return grove.Tally{Kind: m.kind, Hash: hash}
	}
	return t
}

// wait is how long a key is refused yet; zero when it is not.
func (m *memory) wait(key string, now time.Time) time.Duration {
	return max(0, m.read(key, now).Until.Sub(now))
}

// change changes what is remembered of a key.
func (m *memory) change(key string, now time.Time, fn func(*grove.Tally)) {
	hash := m.hash(key)
	m.keeper.mu.Lock()
	defer m.keeper.mu.Unlock()
	t := m.current(hash, now)
	fn(&t)
	m.put(t, now)
	m.keeper.note(t)
}

func (m *memory) put(t grove.Tally, now time.Time) {
	if _, ok := m.seen[t.Hash]; !ok {
		makeRoom(m.seen, worth(now))
	}
	m.seen[t.Hash] = t
}

// reset forgets a key.
func (m *memory) reset(key string, now time.Time) {
	hash := m.hash(key)
	m.keeper.mu.Lock()
	defer m.keeper.mu.Unlock()
	if _, ok := m.seen[hash]; !ok {
		return
	}
	delete(m.seen, hash)
	m.keeper.note(grove.Tally{Kind: m.kind, Hash: hash, EndsAt: now})
}

// note is called with k.mu held. While nothing can be written, what is new beyond a
// bound is remembered until the next restart only.
func (k *keeper) note(t grove.Tally) {
	id := tallyID{t.Kind, t.Hash}
	if _, ok := k.unsaved[id]; !ok && len(k.unsaved) >= maxRemembered {
		return
	}
	k.unsaved[id] = t
	k.kick()
}

func (k *keeper) kick() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// load remembers what was written down before a restart.
func (k *keeper) load(ctx context.Context, from Tallies) error {
	now := time.Now()
	list, err := from.Tallies(ctx, now)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range list {
		if m := k.memories[t.Kind]; m != nil {
			m.put(m.recalled(t, now), now)
		}
	}
	return nil
}

// recalled is a tally with its times as distances from now, so that a clock which
// is set right later doesn't move them, and none further than it can be: a clock that
// stands in the past must not make anybody wait for years.
func (m *memory) recalled(t grove.Tally, now time.Time) grove.Tally {
	for i, at := range t.Times {
		t.Times[i] = now.Add(min(0, at.Sub(now)))
	}
	if !t.Until.IsZero() {
		t.Until = now.Add(min(m.hold, t.Until.Sub(now)))
	}
	t.EndsAt = now.Add(min(m.life, t.EndsAt.Sub(now)))
	return t
}

// take gives some of what is to be written down, to be given back if that fails.
func (k *keeper) take() []grove.Tally {
	k.mu.Lock()
	defer k.mu.Unlock()
	var some []grove.Tally
	for id, t := range k.unsaved {
		if len(some) == savedAtOnce {
			break
		}
		some = append(some, t)
		delete(k.unsaved, id)
	}
	return some
}

// giveBack keeps what could not be written, unless something newer came meanwhile.
func (k *keeper) giveBack(some []grove.Tally) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range some {
		if _, newer := k.unsaved[tallyID{t.Kind, t.Hash}]; !newer {
			k.note(t)
		}
	}
}

// save writes down all that is to be.
func (k *keeper) save(ctx context.Context, to Tallies) error {
	for {
		some := k.take()
		if len(some) == 0 {
			return nil
		}
		if err := to.SaveTallies(ctx, some, time.Now(), maxRemembered); err != nil {
			k.giveBack(some)
			return fmt.Errorf("save failures: %w", err)
		}
	}
}

// keepTallies writes down what is counted, soon after it happened and at the end.
func (a *Access) keepTallies(ctx context.Context) error {
	for pause := savedWithin; ; {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return a.keeper.save(end, a.records)
		case <-a.keeper.wake:
		}
		select {
		case <-ctx.Done():
			continue
		case <-time.After(pause):
		}
		pause = savedWithin
		if err := a.keeper.save(ctx, a.records); err != nil && ctx.Err() == nil {
			a.log.Warn("failures to sign in are not written down: a restart would forget them", slog.Any("error", err))
			pause = 5 * time.Second
		}
	}
}
