package store

import "context"

// Sizes is how much the records and the files that they know of take.
type Sizes struct {
	Kind     string // sqlite or postgresql
	Database int64  // bytes
	Files    int64  // how many
	Contents int64  // bytes, with what has arrived of uploads
}

// Sizes measures the database and adds up the files of everybody.
func (db *DB) Sizes(ctx context.Context) (Sizes, error) {
	s := Sizes{Kind: db.dialect.kind}
	var err error
	if s.Database, err = one(ctx, db.read, scanned[int64], db.dialect.size); err != nil {
		return s, fault("measure database", err)
	}
	err = db.read.QueryRowContext(ctx, `SELECT count(*), CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM files WHERE state <> 'rejected'`).Scan(&s.Files, &s.Contents)
	return s, fault("add up files", err)
}
