package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"

	"github.com/grovecloud/grove"
)

// aloneLock is the number under which PostgreSQL knows who dispatches jobs.
const aloneLock = 4718300118

// post is what makes this process the only one that dispatches the jobs of a database:
// a connection whose end, whatever its cause, lets another have it.
type post struct {
	mu   sync.Mutex
	conn *sql.Conn // nil while this process does not have it
}

// Alone is nil while this process alone may dispatch the jobs of this database, which
// it asks for when it has not got it. Conflict: another process does. On SQLite the
// lock of the data directory has seen to that.
func (db *DB) Alone(ctx context.Context) error {
	if !db.dialect.rowLocks {
		return nil
	}
	db.post.mu.Lock()
	defer db.post.mu.Unlock()
	if db.post.conn != nil {
		if err := db.post.conn.PingContext(ctx); err == nil {
			return nil
		}
		db.post.leave() // its end let another have it, perhaps
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return fault("connect to dispatch", err)
	}
	db.post.conn = conn
	got, err := take(ctx, conn)
	if err == nil && got {
		return nil
	}
	db.post.leave()
	if err != nil {
		return fault("ask to dispatch", err)
	}
	return grove.Errorf(grove.Conflict, "another_server",
		"another grove dispatches the jobs of this database, so nothing starts from here; stop that one, or give this one a --database of its own")
}

// take asks for the lock, on a connection whose end is noticed though the machine of
// this process may lose its power.
func take(ctx context.Context, conn *sql.Conn) (got bool, err error) {
	if _, err := conn.ExecContext(ctx, `SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`); err != nil {
		return false, fmt.Errorf("keep the connection alive: %w", err)
	}
	err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", aloneLock).Scan(&got)
	return got, err
}

// leave ends the connection instead of giving it back to the pool with its lock. The
// caller holds mu.
func (p *post) leave() {
	if p.conn == nil {
		return
	}
	_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = p.conn.Close()
	p.conn = nil
}
