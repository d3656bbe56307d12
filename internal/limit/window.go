package limit

import (
	"slices"
	"sync"
	"time"
)

// grains is in how many parts a period is divided when single acts are too many
// to remember one by one.
const grains = 60

// class counts the keys of one class.
type class struct {
	rate    Rate
	maxKeys int

	mu      sync.Mutex
	windows map[string]*window
	crowd   window        // shared by keys for which there was no room
	swept   time.Duration // when idle keys were last looked for
	latest  time.Duration // callers read the clock before they get the lock; here it never goes back
}

func newClass(rate Rate, keys int) *class {
	return &class{rate: rate, maxKeys: keys, windows: map[string]*window{}}
}

// taken is what became of one act; times are from now.
type taken struct {
	allowed      bool
	remaining    int
	reset, retry time.Duration
}

func (c *class) take(key string, now time.Duration) taken {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = max(c.latest, now)
	return c.window(key, c.latest).take(c.rate, c.latest)
}

// window finds the key's window, or makes one. A new one begins with all that
// the crowd has used, since the key may have been part of it: so a key never
// gets more than N, not even by moving from the crowd to a window of its own.
func (c *class) window(key string, now time.Duration) *window {
	if w, ok := c.windows[key]; ok {
		return w
	}
	if len(c.windows) >= c.maxKeys && now-c.swept >= time.Second {
		c.drop(now)
	}
	if len(c.windows) >= c.maxKeys {
		return &c.crowd
	}
	c.crowd.expire(now - c.rate.Period)
	w := &window{acts: slices.Clone(c.crowd.acts), sum: c.crowd.sum}
	c.windows[key] = w
	return w
}

func (c *class) forget(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(now)
}

func (c *class) drop(now time.Duration) {
	c.swept = now
	for key, w := range c.windows {
		if w.expire(now - c.rate.Period); w.sum == 0 {
			delete(c.windows, key)
		}
	}
}

// window remembers the acts of one key over the last period. Acts that follow
// each other within a grain are one entry, which leaves the window when its
// last act does: coarser than the truth, never laxer. At most one entry a
// grain is kept, or one an act where N is small.
type window struct {
	acts []act // oldest first
	sum  int   // of all counts
}

type act struct {
	first, last time.Duration
	count       int
}

func (w *window) take(rate Rate, now time.Duration) taken {
	w.expire(now - rate.Period)
	if w.sum >= rate.N {
		return taken{reset: w.newest() + rate.Period - now, retry: w.acts[0].last + rate.Period - now}
	}
	w.add(now, rate.grain())
	return taken{allowed: true, remaining: rate.N - w.sum, reset: rate.Period}
}

// expire forgets what happened at or before the given time.
func (w *window) expire(until time.Duration) {
	gone := 0
	for gone < len(w.acts) && w.acts[gone].last <= until {
		w.sum -= w.acts[gone].count
		gone++
	}
	// Moved to the front, so that a busy key's memory does not creep.
	w.acts = slices.Delete(w.acts, 0, gone)
}

func (w *window) add(now, grain time.Duration) {
	w.sum++
	if n := len(w.acts); n > 0 && now-w.acts[n-1].first < grain {
		w.acts[n-1].last = now
		w.acts[n-1].count++
		return
	}
	w.acts = append(w.acts, act{first: now, last: now, count: 1})
}

func (w *window) newest() time.Duration { return w.acts[len(w.acts)-1].last }

// grain is how far apart two acts must be to be remembered apart. Where N is
// small every act is remembered by itself.
func (r Rate) grain() time.Duration {
	if r.N <= grains {
		return 0
	}
	return r.Period / grains
}
