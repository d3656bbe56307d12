package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/grovecloud/grove"
)

// maxPassword is the longest password in bytes.
const maxPassword = 1024

// Hashing says what a password hash costs. The zero value is OWASP's smallest
// set for argon2id.
type Hashing struct {
	MemoryKiB uint32 // 19456 when 0
	Passes    uint32 // 2 when 0
	AtOnce    int    // hashes at the same time; 2 when 0
	Queue     int    // waiting for their turn, beyond that Unavailable; 64 when 0
}

const (
	hashLanes = 1
	saltBytes = 16
	tagBytes  = 32
)

// hasher hashes passwords, few at a time: each takes MemoryKiB, and a flood of
// logins must not take the machine.
type hasher struct {
	cost  Hashing
	queue chan struct{} // a place for each one waiting or hashing
	slots chan struct{} // a place for each one hashing
	decoy grove.Secret  // compared with when there is no such account
	// derive does the work; the tests of this package count it.
	derive func(phc, grove.Secret) []byte
}

func newHasher(cost Hashing) *hasher {
	cost.MemoryKiB = cmp.Or(cost.MemoryKiB, 19456)
	cost.Passes = cmp.Or(cost.Passes, 2)
	cost.AtOnce = cmp.Or(cost.AtOnce, 2)
	cost.Queue = cmp.Or(cost.Queue, 64)
	h := &hasher{
		cost:  cost,
		queue: make(chan struct{}, cost.AtOnce+cost.Queue),
		slots: make(chan struct{}, cost.AtOnce),

		derive: phc.derive,
	}
	h.decoy = h.hash(grove.Secret(rand.Text()))
	return h
}

// enter waits for a turn to hash; leave gives it back.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, &grove.Error{
			Code: grove.Unavailable, Reason: "login_queue_full", RetryAfter: 5 * time.Second,
			Message: "too many people sign in at the same moment; try again in a few seconds",
		}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, fmt.Errorf("wait to hash: %w", ctx.Err())
	}
}

// hash gives the PHC string of password. The caller has entered.
func (h *hasher) hash(password grove.Secret) grove.Secret {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	p := phc{memory: h.cost.MemoryKiB, passes: h.cost.Passes, lanes: hashLanes, salt: salt}
	p.tag = h.derive(p, password)
	return p.encode()
}

// matches compares password with a stored hash. stale is true when the hash was
// made at another cost than today's. The caller has entered.
func (h *hasher) matches(password, stored grove.Secret) (ok, stale bool, err error) {
	p, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(h.derive(p, password), p.tag) == 1
	return ok, p.memory != h.cost.MemoryKiB || p.passes != h.cost.Passes || p.lanes != hashLanes, nil
}

// phc is a password hash in the PHC string format.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, tag      []byte
}

func (p phc) derive(password grove.Secret) []byte {
	return argon2.IDKey([]byte(string(password)), p.salt, p.passes, p.memory, p.lanes, tagBytes)
}

func (p phc) encode() grove.Secret {
	b64 := base64.RawStdEncoding.EncodeToString
	return grove.Secret(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.passes, p.lanes, b64(p.salt), b64(p.tag)))
}

// errHash is a stored hash that this server did not write.
var errHash = errors.New("stored password hash is not argon2id in PHC form")

func parsePHC(s grove.Secret) (phc, error) {
	parts := strings.Split(string(s), "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errHash
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil {
		return phc{}, errHash
	}
	// A damaged row must not make the server take gigabytes.
	if p.memory > 1<<20 || p.passes == 0 || p.passes > 64 || p.lanes == 0 {
		return phc{}, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	tag, tagErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || tagErr != nil || len(salt) < 8 || len(tag) != tagBytes {
		return phc{}, errHash
	}
	p.salt, p.tag = salt, tag
	return p, nil
}

// MinPassword is how many characters a new password has at least.
func (a *Access) MinPassword() int { return a.minPassword }

// checkPassword says what is wrong with a new password.
func (a *Access) checkPassword(password grove.Secret) error {
	var words string
	switch {
	case utf8.RuneCountInString(string(password)) < a.minPassword:
		words = fmt.Sprintf("the password needs at least %d characters; a few words in a row are easy to keep in mind", a.minPassword)
	case len(password) > maxPassword:
		words = fmt.Sprintf("the password is longer than %d bytes; take a shorter one", maxPassword)
	default:
		return nil
	}
	return &grove.Error{Code: grove.Invalid, Reason: "password_unfit", Message: words, Fields: map[string]string{"password": words}}
}
