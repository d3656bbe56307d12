package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/grovecloud/grove"
)

// The sizes of the connection pools.
const (
	sqliteReaders   = 4
	postgresPool    = 16
	connectDeadline = 5 * time.Second
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says which database to open.
type Config struct {
	// Database is a postgres:// address; empty for SQLite.
	Database string
	// Path is the SQLite file, made when absent. Its directory must exist.
	Path string
	// MasterKey is the key of 32 bytes under which secrets are sealed.
	MasterKey []byte
	// OnCommit is told of events after they are committed, from the goroutine
	// that committed them. It must not block. May be nil.
	OnCommit func([]grove.Event)
	// Audience says who beside its owner sees a printer's events as they come: they
	// get notifications and deliveries of their own. It is asked within transactions
	// and must not block. May be nil.
	Audience func(serial string, ownerID int64) []int64
}

// Open opens the database and brings its tables up to date. Its errors say what
// to do: Unavailable when the database cannot be reached or written, Conflict
// when it belongs to a newer program, Invalid for a wrong Config.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	seal, err := newSealer(cfg.MasterKey)
	if err != nil {
		return nil, err
	}
	db := &DB{seal: seal, tell: cfg.OnCommit, audience: cfg.Audience}
	if db.tell == nil {
		db.tell = func([]grove.Event) {}
	}
	if db.audience == nil {
		db.audience = func(string, int64) []int64 { return nil }
	}
	connect := db.connectSQLite
	if cfg.Database != "" {
		connect = db.connectPostgres
	}
	if err := connect(ctx, cfg); err != nil {
		return nil, err
	}
	if err := db.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare migrates and makes sure that the master key is the one the database
// was written with, so that a wrong key shows now and not at the first secret.
func (db *DB) prepare(ctx context.Context) error {
	if err := db.migrate(ctx); err != nil {
		return err
	}
	_, err := db.Secret(ctx, "store.key_check", func() ([]byte, error) { return []byte("ok"), nil })
	return err
}

func (db *DB) connectSQLite(ctx context.Context, cfg Config) error {
	if cfg.Path == "" {
		return grove.Errorf(grove.Invalid, "database", "No database is named: give a directory with --data or an address with --database.")
	}
	// SQLite would make the file readable for everybody.
	file, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return notWritable(cfg.Path, err)
	}
	if err := file.Close(); err != nil {
		return notWritable(cfg.Path, err)
	}
	db.dialect = sqliteDialect
	if db.write, err = openSQLite(cfg.Path, 1, "_txlock=immediate"); err != nil {
		return err
	}
	if db.read, err = openSQLite(cfg.Path, sqliteReaders, "_pragma=query_only(1)"); err != nil {
		return errors.Join(err, db.write.Close())
	}
	// The writer comes first: it turns the write-ahead log on.
	if err := errors.Join(db.write.PingContext(ctx), db.read.PingContext(ctx)); err != nil {
		return errors.Join(notWritable(cfg.Path, err), db.Close())
	}
	return nil
}

// openSQLite makes a pool. Synchronous FULL keeps what was acknowledged through
// a power cut; fullfsync makes that true on macOS as well.
func openSQLite(path string, connections int, option string) (*sql.DB, error) {
	options := strings.Join([]string{
		"_pragma=busy_timeout(5000)", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)",
		"_pragma=fullfsync(1)", "_pragma=foreign_keys(1)", "_pragma=journal_size_limit(67108864)", option,
	}, "&")
	pool, err := sql.Open("sqlite", sqliteAddress(path)+"?"+options)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// sqliteAddress is the file as SQLite's URI, in which ? # and % are escaped.
// https://www.sqlite.org/uri.html
func sqliteAddress(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.IsAbs(path) && !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows drive
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath()
}

func notWritable(path string, err error) error {
	refusal := grove.Errorf(grove.Unavailable, "database_path",
		"Cannot open the database %s. Check that its directory exists, has room and may be written by this user, or choose another with --data.", path)
	if causeOf(err) == causeOther && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
		refusal.Message = fmt.Sprintf("Cannot open the database %s. If it is not Grove's own file, choose another directory with --data; if it is damaged, put back a backup.", path)
	}
	refusal.Err = err
	return refusal
}

func (db *DB) connectPostgres(ctx context.Context, cfg Config) error {
	address, err := pgx.ParseConfig(cfg.Database)
	if err != nil || !strings.HasPrefix(cfg.Database, "postgres") {
		// The parser's error may repeat the address with its password.
		return grove.Errorf(grove.Invalid, "database",
			"The address given with --database cannot be read. It looks like postgres://user:password@host:5432/grove.")
	}
	if address.ConnectTimeout == 0 {
		address.ConnectTimeout = connectDeadline
	}
	if address.RuntimeParams["application_name"] == "" {
		address.RuntimeParams["application_name"] = "grove"
	}
	pool := stdlib.OpenDB(*address, stdlib.OptionAfterConnect(setUpSession))
	pool.SetMaxOpenConns(postgresPool)
	pool.SetMaxIdleConns(postgresPool)
	db.dialect, db.write, db.read = postgresDialect, pool, pool
	if err := pool.PingContext(ctx); err != nil {
		return errors.Join(unreachable(address, err), pool.Close())
	}
	return nil
}

// setUpSession makes a connection keep what it acknowledges, whatever the
// server's defaults are, and lets nobody wait for a node that has died.
func setUpSession(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `
		SET synchronous_commit = on;
		SET default_transaction_isolation = 'read committed';
		SET lock_timeout = '10s';
		SET idle_in_transaction_session_timeout = '30s'`)
	return err
}

func unreachable(address *pgx.ConnConfig, err error) error {
	refusal := grove.Errorf(grove.Unavailable, "database_unreachable",
		"Cannot reach PostgreSQL at %s, port %d. Check that it runs and that --database names the right host.", address.Host, address.Port)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		refusal.Message = fmt.Sprintf("PostgreSQL at %s refuses user %q the database %q: %s. Check --database.",
			address.Host, address.User, address.Database, pg.Message)
	}
	refusal.Err = err
	return refusal
}

// migrate runs the migrations that the database has not seen.
func (db *DB) migrate(ctx context.Context) error {
	steps, err := db.migrations()
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, known, err := steps.GetVersions(ctx)
	if err != nil {
		return fault("read database version", err)
	}
	if have > known {
		return grove.Errorf(grove.Conflict, "database_newer",
			"The database was written by a newer Grove (its version is %d, this program knows %d). Start the newer program, or put back a backup.", have, known)
	}
	if _, err := steps.Up(ctx); err != nil {
		return fault("migrate database", err)
	}
	return nil
}

func (db *DB) migrations() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	foreign, err := fs.Glob(files, "*"+db.dialect.other)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithExcludeNames(foreign), goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(goose.NewGoMigration(26, &goose.GoFunc{RunTx: fillSearchTexts}, nil)),
		goose.WithAllowOutofOrder(true), // a database of a development version lacks those that came in with another branch
	}
	if db.dialect.rowLocks {
		// Several nodes may start at once; one migrates, the others look each second.
		turns, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(turns))
	}
	return goose.NewProvider(db.dialect.goose, db.write, files, options...)
}
