package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/grovecloud/grove"
)

const (
	fileColumns = "id, owner_id, name, kind, state, size_bytes, sha256, md5, problem, printable, plates, model, " +
		"project_id, profile_id, model_id, ticket, want_bytes, want_md5, want_sha, created_at, stored_at, expires_at, prints, tags"
	findFile = "SELECT " + fileColumns + " FROM files WHERE "
)

func scanFile(r row) (grove.File, error) {
	var f grove.File
	err := r.Scan(&f.ID, &f.OwnerID, &f.Name, &f.Kind, &f.State, &f.SizeBytes, &f.SHA256, &f.MD5, &f.Problem, &f.Printable,
		document{&f.Plates}, &f.Model, &f.ProjectID, &f.ProfileID, &f.ModelID, &f.Ticket, &f.WantBytes, &f.WantMD5, &f.WantSHA,
		instant{&f.CreatedAt}, instant{&f.StoredAt}, instant{&f.ExpiresAt}, document{&f.Prints}, document{&f.Tags})
	return f, err
}

// fileRow is f as a row of fileColumns.
func fileRow(f grove.File) ([]any, error) {
	plates, err := toJSON(f.Plates)
	if err != nil {
		return nil, err
	}
	prints, err := toJSON(f.Prints)
	if err != nil {
		return nil, err
	}
	tags, err := toJSON(f.Tags)
	return []any{
		f.ID, f.OwnerID, f.Name, f.Kind, string(f.State), f.SizeBytes, f.SHA256, f.MD5, f.Problem, f.Printable,
		plates, f.Model, f.ProjectID, f.ProfileID, f.ModelID, f.Ticket, f.WantBytes, f.WantMD5, f.WantSHA,
		millis(f.CreatedAt), millis(f.StoredAt), millis(f.ExpiresAt), prints, tags,
	}, err
}

// CreateFile adds a file under the id it comes with. Its project and profile
// numbers are assigned where they are 0. Conflict file_exists when the id, a
// number or the ticket is taken.
func (db *DB) CreateFile(ctx context.Context, f grove.File, acts ...grove.AuditEntry) (grove.File, error) {
	err := db.change(ctx, "create file", func(t *tx) error {
		made := f
		if err := t.numberFile(ctx, &made); err != nil {
			return err
		}
		values, err := fileRow(made)
		if err != nil {
			return err
		}
		if _, err = exec(ctx, t, insertInto("files", fileColumns+", search_text"), append(values, searchText(made))...); err != nil {
			return onUnique(err, grove.Errorf(grove.Conflict, "file_exists", "There is a file with the id or a number of %s already.", f.ID))
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		f, err = one(ctx, t, scanFile, findFile+"id = $1", f.ID)
		return err
	})
	return f, err
}

func (t *tx) numberFile(ctx context.Context, f *grove.File) (err error) {
	if f.ProjectID == 0 {
		if f.ProjectID, err = t.count(ctx, countProjects, firstProject); err != nil {
			return err
		}
	}
	if f.ProfileID == 0 {
		f.ProfileID, err = t.count(ctx, countProfiles, firstProfile)
	}
	return err
}

// File finds a file by its id; NotFound when there is none.
func (db *DB) File(ctx context.Context, id string) (grove.File, error) {
	return db.fileBy(ctx, "id = $1", id)
}

// FileByTicket finds a file by its upload's ticket.
func (db *DB) FileByTicket(ctx context.Context, ticket string) (grove.File, error) {
	return db.fileBy(ctx, "ticket = $1 AND ticket <> ''", ticket)
}

// FileByProject finds a file by its project number.
func (db *DB) FileByProject(ctx context.Context, id int64) (grove.File, error) {
	return db.fileBy(ctx, "project_id = $1", id)
}

// FileByProfile finds a file by its profile number.
func (db *DB) FileByProfile(ctx context.Context, id int64) (grove.File, error) {
	return db.fileBy(ctx, "profile_id = $1", id)
}

func (db *DB) fileBy(ctx context.Context, condition string, value any) (grove.File, error) {
	f, err := one(ctx, db.read, scanFile, findFile+condition, value)
	return f, fault("find file", onMissing(err, noFile()))
}

func noFile() *grove.Error {
	return grove.Errorf(grove.NotFound, "file_not_found", "There is no such file.")
}

// Projects lists the stored files of a user by their project numbers, the highest
// first.
func (db *DB) Projects(ctx context.Context, ownerID int64, page grove.Page) (grove.List[grove.File], error) {
	l := listing{columns: fileColumns, from: "files", keys: []string{"project_id"}, cursor: byNumber}
	l.and("owner_id = ? AND state = ?", ownerID, string(grove.Stored))
	return list(ctx, db, l, page, scanFile)
}

// StoredBytes is how much a user's stored files have together, and what has arrived of
// others.
func (db *DB) StoredBytes(ctx context.Context, ownerID int64) (int64, error) {
	n, err := one(ctx, db.read, scanned[int64],
		`SELECT CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM files WHERE owner_id = $1 AND state <> 'rejected'`, ownerID)
	return n, fault("add up files", err)
}

// LargestFiles gives up to limit of a user's stored files, the largest first.
func (db *DB) LargestFiles(ctx context.Context, ownerID int64, limit int) ([]grove.File, error) {
	files, err := all(ctx, db.read, scanFile, findFile+"owner_id = $1 AND state = 'stored' ORDER BY size_bytes DESC, id LIMIT $2", ownerID, limit)
	return files, fault("find largest files", err)
}

// UpdateFile changes a file through fn. Its id stays. NotFound when there is none.
func (db *DB) UpdateFile(ctx context.Context, id string, fn func(*grove.File) error, acts ...grove.AuditEntry) (grove.File, error) {
	var f grove.File
	err := db.change(ctx, "update file", func(t *tx) (err error) {
		if err := t.lock(ctx, "files", "id = $1", id); err != nil {
			return err
		}
		if f, err = one(ctx, t, scanFile, findFile+"id = $1", id); err != nil {
			return onMissing(err, noFile())
		}
		if err := fn(&f); err != nil {
			return err
		}
		f.ID = id
		values, err := fileRow(f)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, t, "UPDATE files SET "+assign(fileColumns+", search_text")+" WHERE id = $1", append(values, searchText(f))...); err != nil {
			return err
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		f, err = one(ctx, t, scanFile, findFile+"id = $1", id)
		return err
	})
	return f, err
}

// StaleFiles gives the files that still await their content though their link
// ended before the given time.
func (db *DB) StaleFiles(ctx context.Context, before time.Time) ([]grove.File, error) {
	files, err := all(ctx, db.read, scanFile, findFile+"state = 'awaiting' AND expires_at < $1 ORDER BY expires_at", millis(before))
	return files, fault("find stale files", err)
}

// DeleteFile removes a file's row; its content is the blob store's. NotFound
// when there is none, Conflict file_in_use while a job that is not done prints it.
func (db *DB) DeleteFile(ctx context.Context, id string, acts ...grove.AuditEntry) error {
	return db.change(ctx, "delete file", func(t *tx) error {
		job, err := one(ctx, t, scanJob, findJob+"file_id = $1 AND (state = 'queued' OR "+activeState+") ORDER BY id LIMIT 1", id)
		if err == nil {
			return grove.Errorf(grove.Conflict, "file_in_use", "job %d (%s) prints this file; cancel it or wait for its end, then delete the file", job.ID, job.State)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		n, err := exec(ctx, t, `DELETE FROM files WHERE id = $1`, id)
		if err == nil && n == 0 {
			return noFile()
		}
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}
