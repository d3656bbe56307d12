package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Secret gives the secret of this name, sealed at rest. When there is none yet
// it keeps what create makes; of several callers at once, all get the same bytes.
func (db *DB) Secret(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error) {
	plain, err := db.secret(ctx, name)
	if !errors.Is(err, sql.ErrNoRows) {
		return plain, fault("read secret", err)
	}
	made, err := create()
	if err != nil {
		return nil, fmt.Errorf("make secret %s: %w", name, err)
	}
	err = db.change(ctx, "keep secret", func(t *tx) error {
		_, err := exec(ctx, t, `INSERT INTO secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
			name, db.seal.seal(secretPlace(name), made))
		return err
	})
	if err != nil {
		return nil, err
	}
	plain, err = db.secret(ctx, name)
	return plain, fault("read secret", err)
}

func (db *DB) secret(ctx context.Context, name string) ([]byte, error) {
	sealed, err := one(ctx, db.read, scanned[[]byte], `SELECT sealed FROM secrets WHERE name = $1`, name)
	if err != nil {
		return nil, err
	}
	return db.seal.open(secretPlace(name), sealed)
}

func secretPlace(name string) place { return place{"secrets", "sealed", name} }
