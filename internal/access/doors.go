package access

import (
	"net/netip"
	"time"

	"github.com/grovecloud/grove"
)

// doors slows down who guesses at the broker. Tokens and device secrets cannot
// be guessed, so their failures count for one user name at one address and never
// shut out the neighbours behind the same router. Access codes can: theirs count for
// the address, and from all addresses together for the printer that was asked for.
// A code that names no printer is a guess at every printer, and counts for them all.
// Who came in lately is counted apart, so that strangers cannot lock them out.
type doors struct {
	codes    CodePolicy
	burst    *window // per source and what it asked for
	steady   *window // per source
	guesses  guesses
	familiar *friends
}

// guesses are wrong access codes from everywhere, per printer, or for all printers
// under the empty serial. Thirty a day find one of a hundred million in four
// thousand years.
type guesses struct{ lately, daily *window }

func (g guesses) wait(serial string, now time.Time) time.Duration {
	return max(g.lately.wait(serial, now), g.daily.wait(serial, now))
}

func (g guesses) fail(serial string, now time.Time) {
	g.lately.fail(serial, now)
	g.daily.fail(serial, now)
}

// CodeWait is how long no access code is heard from whoever wants to take a printer
// over from another account; zero when one is.
func (a *Access) CodeWait(serial string) time.Duration {
	return a.doors.guesses.wait(serial, time.Now())
}

// CodeMissed counts a wrong access code of such a one, together with those that are
// tried over MQTT.
func (a *Access) CodeMissed(serial string) { a.doors.guesses.fail(serial, time.Now()) }

func newDoors(k *keeper, codes CodePolicy) *doors {
	const day = 24 * time.Hour
	return &doors{
		codes:    codes,
		burst:    newWindow(k, "door-burst", 5, time.Minute, time.Minute),
		steady:   newWindow(k, "door-source", 20, 15*time.Minute, 15*time.Minute),
		guesses:  guesses{newWindow(k, "code-lately", 10, 15*time.Minute, 15*time.Minute), newWindow(k, "code-daily", 30, day, day)},
		familiar: newFriends(k, "code-familiar", 7*day),
	}
}

// closed refuses access codes where they don't count at all.
func (d *doors) closed(c MQTTCredentials) error {
	if c.door() != codeDoor || d.admits(c.Remote) {
		return nil
	}
	return grove.Errorf(grove.Forbidden, "access_codes_off",
		"access codes do not count from %s (the server's policy is %q); sign in with an account instead", c.Remote, d.codes)
}

// admits applies the policy. An address that is not known is not private.
func (d *doors) admits(addr netip.Addr) bool {
	addr = addr.Unmap()
	switch d.codes {
	case CodesAny:
		return true
	case CodesPrivate:
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
	case CodesOff:
	}
	return false
}

func (d *doors) refused(k knock, now time.Time) error {
	wait := max(d.burst.wait(k.burst(), now), d.steady.wait(k.steady(), now))
	if k.door() != codeDoor {
		return limited(wait, "there were too many failed connections with this user name from this address")
	}
	if !d.familiar.has(source(k.Remote), now) {
		wait = max(wait, d.guesses.wait(k.asked, now))
	}
	return limited(wait, "there were too many wrong access codes; whoever signs in to an account from this address may go on sooner")
}

func (d *doors) failed(k knock, now time.Time) {
	d.burst.fail(k.burst(), now)
	d.steady.fail(k.steady(), now)
	if k.door() == codeDoor && !d.familiar.has(source(k.Remote), now) {
		d.guesses.fail(k.asked, now)
	}
}

func (d *doors) succeeded(k knock, now time.Time) {
	if k.door() == codeDoor {
		d.welcome(k.Remote, now)
	}
}

// welcome counts an address apart from strangers from now on.
func (d *doors) welcome(addr netip.Addr, now time.Time) {
	if addr.IsValid() {
		d.familiar.add(source(addr), now)
	}
}

// burst and steady are what failures of k count under.
func (k knock) burst() string {
	if k.door() == codeDoor {
		return source(k.Remote) + "\x00" + codeUser + "\x00" + k.asked // no user name has a NUL
	}
	return k.steady()
}

func (k knock) steady() string {
	if k.door() == codeDoor {
		return source(k.Remote)
	}
	return source(k.Remote) + "\x00" + oneLine(k.Username, 64)
}
