package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

// Passes keeps what lets somebody through once, and how accounts sign in.
type Passes interface {
	SignIn(ctx context.Context, userID int64) (grove.SignIn, error)
	UpdateSignIn(ctx context.Context, userID int64, fn func(*grove.SignIn) error, acts ...grove.AuditEntry) (grove.SignIn, error)
	AddPasses(ctx context.Context, passes []grove.Pass, acts ...grove.AuditEntry) error
	// ReplacePasses adds passes in place of all that the user has of the kind.
	ReplacePasses(ctx context.Context, kind grove.PassKind, userID int64, passes []grove.Pass, acts ...grove.AuditEntry) error
	Pass(ctx context.Context, kind grove.PassKind, hash string) (grove.Pass, error)
	Passes(ctx context.Context, kind grove.PassKind, userID int64) ([]*grove.Pass, error)
	UpdatePass(ctx context.Context, kind grove.PassKind, hash string, fn func(*grove.Pass) error) (grove.Pass, error)
	UpdatePasses(ctx context.Context, kind grove.PassKind, userID int64, fn func([]*grove.Pass) error, acts ...grove.AuditEntry) error
	DropPasses(ctx context.Context, kind grove.PassKind, userID int64) error
}

const (
	codeLife  = 10 * time.Minute // of a code in a letter
	passTries = 5                // guesses at a code before it is dead
)

// passKey is the key under which passes are hashed: six digits without one could
// be tried out by whoever reads the records.
func passKey(ctx context.Context, r Records) ([]byte, error) {
	return r.Secret(ctx, "passes", func() ([]byte, error) {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		return key, nil
	})
}

// hashPass is how what somebody shows is kept and found. Short codes are hashed
// with their user, so that they count for nobody else.
func (a *Access) hashPass(kind grove.PassKind, userID int64, shown string) string {
	mac := hmac.New(sha256.New, a.passKey)
	fmt.Fprintf(mac, "%s\x00%d\x00%s", kind, userID, shown)
	return hex.EncodeToString(mac.Sum(nil))
}

// issue makes a pass that is found by the hash alone and gives what it is shown by.
func (a *Access) issue(ctx context.Context, p grove.Pass, life time.Duration) (grove.Secret, error) {
	return a.keep(ctx, begun(p, life))
}

// keep is issue for a pass that has its time already.
func (a *Access) keep(ctx context.Context, p grove.Pass, acts ...grove.AuditEntry) (grove.Secret, error) {
	shown := strings.ToLower(rand.Text())
	p.Hash = a.hashPass(p.Kind, 0, shown)
	if err := a.records.AddPasses(ctx, []grove.Pass{p}, acts...); err != nil {
		return "", unavailable(fmt.Errorf("add pass: %w", err))
	}
	return grove.Secret(shown), nil
}

// issueCode makes a code of six digits for a user.
func (a *Access) issueCode(ctx context.Context, kind grove.PassKind, userID int64, acts ...grove.AuditEntry) (code string, until time.Time, err error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("draw code: %w", err)
	}
	code = fmt.Sprintf("%06d", n)
	p := begun(grove.Pass{Kind: kind, UserID: userID, Hash: a.hashPass(kind, userID, code)}, codeLife)
	if err := a.records.AddPasses(ctx, []grove.Pass{p}, acts...); err != nil {
		return "", time.Time{}, unavailable(fmt.Errorf("add code: %w", err))
	}
	return code, p.ExpiresAt, nil
}

// begun gives a pass its id and its time; it has no end when life is 0.
func begun(p grove.Pass, life time.Duration) grove.Pass {
	p.ID = "pass_" + strings.ToLower(ulid.Make().String())
	p.CreatedAt = time.Now().UTC().Truncate(time.Millisecond)
	if life > 0 {
		p.ExpiresAt = p.CreatedAt.Add(life)
	}
	return p
}

// redeemCode uses up a user's code: Invalid wrong_code, or code_expired when it
// would have been right.
func (a *Access) redeemCode(ctx context.Context, kind grove.PassKind, userID int64, typed string) error {
	hash := a.hashPass(kind, userID, plainCode(typed))
	var verdict error
	err := a.records.UpdatePasses(ctx, kind, userID, func(passes []*grove.Pass) error {
		verdict = redeem(passes, hash, time.Now().UTC())
		return nil
	})
	if err != nil {
		return unavailable(fmt.Errorf("use code: %w", err))
	}
	return verdict
}

// plainCode is a code however it was typed.
func plainCode(typed string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(typed))
}

// redeem looks for a hash among a user's codes. Several may be open: each is right,
// and a wrong guess counts against all of them. A code that was guessed at too often
// looks wrong to whoever knows it then.
func redeem(passes []*grove.Pass, hash string, now time.Time) error {
	expired := false
	for _, p := range passes {
		same := subtle.ConstantTimeCompare([]byte(p.Hash), []byte(hash)) == 1
		if !same || !p.UsedAt.IsZero() || p.Tries >= passTries {
			continue
		}
		if p.Open(now) {
			p.UsedAt = now
			return nil
		}
		expired = true
	}
	if expired {
		return grove.Errorf(grove.Invalid, grove.ReasonCodeExpired, "this code was right and is too old; ask for a new one")
	}
	for _, p := range passes {
		if p.Open(now) {
			p.Tries++
		}
	}
	return wrongCode()
}

func wrongCode() error {
	return grove.Errorf(grove.Invalid, grove.ReasonWrongCode,
		"the code is not right: it works once, for ten minutes, and not after five wrong ones; ask for a new one")
}
