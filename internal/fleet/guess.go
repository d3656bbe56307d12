package fleet

import (
	"slices"
	"sync"
	"time"
)

// A printer's access code may be guessed wrongly so often in so long, over all
// accounts; an eight-digit code then holds for thousands of years.
const (
	maxGuesses  = 10
	guessPeriod = 15 * time.Minute
)

// guesses counts wrong access codes at binding, for each printer. Only bound
// serials are counted, so memory is bounded by the number of printers.
type guesses struct {
	mu     sync.Mutex
	missed map[string][]time.Time
}

// wait is how long no further code is heard for a printer.
func (g *guesses) wait(serial string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	recent := slices.DeleteFunc(g.missed[serial], func(t time.Time) bool { return now.Sub(t) >= guessPeriod })
	if len(recent) == 0 {
		delete(g.missed, serial)
		return 0
	}
	g.missed[serial] = recent
	if len(recent) < maxGuesses {
		return 0
	}
	return guessPeriod - now.Sub(recent[0])
}

func (g *guesses) miss(serial string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.missed == nil {
		g.missed = map[string][]time.Time{}
	}
	g.missed[serial] = append(g.missed[serial], now)
}
