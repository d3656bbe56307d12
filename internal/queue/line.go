package queue

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// rest is how long a printer that did not answer is left alone.
const rest = time.Minute

// line keeps the order in which printers are looked after. There are few hands,
// and a printer that answers nothing holds one for ten seconds: whoever was looked
// after longest ago comes first, and the silent are given a rest.
type line struct {
	mu     sync.Mutex
	served map[string]time.Time // when a hand last took it, by serial
	silent map[string]time.Time // when it last kept silent, by serial
}

func (l *line) serve(serial string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.served == nil {
		l.served = map[string]time.Time{}
	}
	l.served[serial] = now
}

// answered remembers whether a printer answered when a print was to start.
func (l *line) answered(serial string, did bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if did {
		delete(l.silent, serial)
		return
	}
	if l.silent == nil {
		l.silent = map[string]time.Time{}
	}
	l.silent[serial] = now
}

// order leaves out the jobs whose printers rest.
func (l *line) order(heads []grove.Job, now time.Time) []grove.Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := func(_ string, at time.Time) bool { return now.Sub(at) > time.Hour }
	maps.DeleteFunc(l.served, old)
	maps.DeleteFunc(l.silent, old)
	heads = slices.DeleteFunc(slices.Clone(heads), func(j grove.Job) bool {
		return l.rests(j.Serial, now)
	})
	slices.SortStableFunc(heads, func(a, b grove.Job) int { return l.served[a.Serial].Compare(l.served[b.Serial]) })
	return heads
}

// rests reports whether a printer is given a rest. The caller holds mu.
func (l *line) rests(serial string, now time.Time) bool {
	at, is := l.silent[serial]
	return is && now.Sub(at) < rest
}

func (l *line) resting(serial string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rests(serial, now)
}

// longestIdle sorts printers by when they were last looked after, and by serial.
func (l *line) longestIdle(printers []grove.Live) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(printers, func(a, b grove.Live) int {
		return cmp.Or(l.served[a.Serial].Compare(l.served[b.Serial]), cmp.Compare(a.Serial, b.Serial))
	})
}
