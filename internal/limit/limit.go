// Package limit counts how often who does what, and says when it is too often.
//
// A class of acts has a rate: at most N in any stretch of time as long as its
// period. The window slides; there is no boundary at which a fresh allowance
// lets twice as many through.
package limit

import (
	"context"
	"math"
	"time"

	"github.com/grovecloud/grove"
)

// Class is a kind of act that is counted by itself.
type Class string

// The classes. What the key of each is made of stands beside it.
const (
	Requests         Class = "requests"          // calls with a bearer token; key: the user
	Dashboard        Class = "dashboard"         // calls of a dashboard session; key: the user
	DeviceStatus     Class = "device-status"     // questions about one printer; key: user and serial
	Uploads          Class = "uploads"           // upload records made, not PUTs; key: the user
	DashboardUploads Class = "dashboard-uploads" // likewise in a dashboard session; key: the user
	Parts            Class = "parts"             // requests to one upload link, which a file's parts come by; key: the link
	MQTT             Class = "mqtt"              // messages published by clients, not by printers; key: the user
	Login            Class = "login"             // attempts to sign in; key: account and source address
	LoginSource      Class = "login-source"      // attempts to sign in, whatever the account; key: source address
)

// Classes are all there are, in the order in which they are shown.
func Classes() []Class {
	return []Class{Requests, Dashboard, DeviceStatus, Uploads, DashboardUploads, Parts, MQTT, Login, LoginSource}
}

// maxKeys is how many keys of one class are told apart at the same time.
// Beyond that, newcomers share one window: memory stays bounded, and a flood of
// invented keys takes the allowance from other newcomers, never from those who
// were there before.
const maxKeys = 50_000

// Limiter counts. It is safe for concurrent use and holds one lock per class.
type Limiter struct {
	born    time.Time // the windows' times count from here, on the monotonic clock
	classes map[Class]*class
}

// New makes a limiter for the rules. Classes without a rule are unlimited.
func New(rules Rules) *Limiter {
	l := &Limiter{born: time.Now(), classes: make(map[Class]*class, len(rules))}
	for name, rate := range rules {
		l.classes[name] = newClass(rate, maxKeys)
	}
	return l
}

// Take counts one act of the class under the key, or refuses. What was refused
// does not count: who keeps knocking is not shut out longer for it.
func (l *Limiter) Take(c Class, key string) Decision {
	counted, ok := l.classes[c]
	if !ok {
		return Decision{Class: c, Allowed: true, Unlimited: true, Remaining: math.MaxInt}
	}
	now := time.Now()
	t := counted.take(key, now.Sub(l.born))
	return Decision{
		Class:      c,
		Rate:       counted.rate,
		Allowed:    t.allowed,
		Limit:      counted.rate.N,
		Remaining:  t.remaining,
		Reset:      now.Add(t.reset).UTC(),
		RetryAfter: t.retry,
	}
}

// Run forgets keys that have been idle for a whole period, until ctx ends.
func (l *Limiter) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.forget()
		}
	}
}

func (l *Limiter) forget() {
	now := time.Since(l.born)
	for _, c := range l.classes {
		c.forget(now)
	}
}

// Decision is the answer to one act.
type Decision struct {
	Class     Class
	Rate      Rate // zero when Unlimited
	Allowed   bool
	Limit     int // acts allowed in a period
	Remaining int // acts that would be allowed right now
	// Reset is when the whole allowance is back if nothing more is taken.
	Reset time.Time
	// RetryAfter is zero when allowed. After waiting for it, the next act is
	// allowed, if nobody else used the key in between.
	RetryAfter time.Duration
	Unlimited  bool
}

// Err is nil when allowed, else the [grove.Limited] error to answer with.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	err := grove.Errorf(grove.Limited, grove.ReasonRateLimited,
		"too many %s: at most %s; try again in %s", d.Class.words(), d.Rate, grove.Wait(d.RetryAfter))
	err.RetryAfter = d.RetryAfter
	return err
}

// words is the class as a person would call what was counted.
func (c Class) words() string {
	switch c {
	case Requests, Dashboard:
		return "requests"
	case DeviceStatus:
		return "questions about this printer"
	case Uploads, DashboardUploads:
		return "uploads"
	case Parts:
		return "parts of this upload"
	case MQTT:
		return "MQTT messages"
	case Login, LoginSource:
		return "attempts to sign in"
	}
	return string(c)
}
