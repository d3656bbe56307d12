// Package storetest opens databases for tests: real ones, empty, gone when the
// test ends.
package storetest

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/grovecloud/grove/internal/store"
)

// MasterKey is the key under which the databases of tests are sealed.
func MasterKey() []byte { return bytes.Repeat([]byte{7}, 32) }

// SQLite opens an empty SQLite database in a directory of the test's own.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, store.Config{Path: filepath.Join(t.TempDir(), "grove.db")})
}

// Open opens the configured database, under [MasterKey] when it names no key, and
// closes it when the test ends.
func Open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	if cfg.MasterKey == nil {
		cfg.MasterKey = MasterKey()
	}
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

// Each runs a test on both engines; env is os.Getenv, see [Postgres].
func Each(t *testing.T, env func(string) string, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachConfig(t, env, func(t *testing.T, cfg store.Config) { test(t, Open(t, cfg)) })
}

// EachConfig is [Each] for tests that open the database themselves, or more
// than once.
func EachConfig(t *testing.T, env func(string) string, test func(t *testing.T, cfg store.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: MasterKey()})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, store.Config{Database: Postgres(t, env), MasterKey: MasterKey()})
	})
}
