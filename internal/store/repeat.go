package store

import (
	"context"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// repeatLife is how long a request is remembered.
const repeatLife = 48 * time.Hour

// BeginRepeat remembers a request. When one of that user, or holder, and key is
// remembered already, that one is given and mine is false; its Request is for
// [DB.SameRequest] alone. Those older than 48 h are forgotten.
func (db *DB) BeginRepeat(ctx context.Context, r grove.Repeat) (found grove.Repeat, mine bool, err error) {
	key := db.seal.repeatKey(r)
	err = db.change(ctx, "begin repeat", func(t *tx) error {
		if _, err := exec(ctx, t, `DELETE FROM repeats WHERE created_at < $1`, millis(r.At.Add(-repeatLife))); err != nil {
			return err
		}
		n, err := exec(ctx, t, `INSERT INTO repeats (user_id, key, request, process, status, created_at)
			VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (user_id, key) DO NOTHING`, r.UserID, key, db.seal.requestIndex(r.Request), r.Process, millis(r.At))
		mine = n == 1
		if err != nil || mine {
			return err
		}
		found, err = one(ctx, t, db.seal.scanRepeat,
			`SELECT user_id, key, request, process, status, answer, created_at FROM repeats WHERE user_id = $1 AND key = $2`, r.UserID, key)
		found.Holder, found.Key = r.Holder, r.Key
		return err
	})
	return found, mine, err
}

// SameRequest reports whether what was found is the request of this hash.
func (db *DB) SameRequest(found grove.Repeat, request string) bool {
	return found.Request == db.seal.requestIndex(request)
}

// requestIndex is the keyed form of a request's hash. A request may hold a password,
// which whoever reads the database could guess from a plain hash.
func (s sealer) requestIndex(hash string) string { return s.codeIndex("request\x00" + hash) }

// repeatKey is the key as it is kept: that of a holder with what they hold, which
// may be a code of six digits, in keyed form.
func (s sealer) repeatKey(r grove.Repeat) string {
	if r.Holder == "" {
		return r.Key
	}
	return s.codeIndex("holder\x00"+r.Holder) + " " + r.Key
}

func (s sealer) scanRepeat(r row) (grove.Repeat, error) {
	var out grove.Repeat
	var sealed []byte
	err := r.Scan(&out.UserID, &out.Key, &out.Request, &out.Process, &out.Status, &sealed, instant{&out.At})
	if err != nil || len(sealed) == 0 {
		return out, err
	}
	out.Answer, err = s.open(repeatPlace(out.UserID, out.Key), sealed)
	return out, err
}

// repeatPlace is where the answer is sealed: it may hold secrets that are shown once.
func repeatPlace(userID int64, key string) place {
	return place{"repeats", "answer", fmt.Sprintf("%d %s", userID, key)}
}

// EndRepeat keeps the answer of a request, and the hash of what was asked.
func (db *DB) EndRepeat(ctx context.Context, r grove.Repeat) error {
	key := db.seal.repeatKey(r)
	return db.change(ctx, "end repeat", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE repeats SET status = $1, answer = $2, request = $3 WHERE user_id = $4 AND key = $5 AND process = $6`,
			r.Status, db.seal.seal(repeatPlace(r.UserID, key), r.Answer), db.seal.requestIndex(r.Request), r.UserID, key, r.Process)
		if err == nil && n == 0 {
			return grove.Errorf(grove.NotFound, "repeat_not_found", "There is no request of this key.")
		}
		return err
	})
}

// DropRepeat forgets a request that this very attempt was refused.
func (db *DB) DropRepeat(ctx context.Context, r grove.Repeat) error {
	return db.change(ctx, "drop repeat", func(t *tx) error {
		_, err := exec(ctx, t, `DELETE FROM repeats WHERE user_id = $1 AND key = $2 AND process = $3 AND status = 0`,
			r.UserID, db.seal.repeatKey(r), r.Process)
		return err
	})
}
