// Package library keeps uploaded files and knows what is in them, and what slicers
// keep: presets and spools. A file comes by a signed link, arrives whole or not at
// all, and is read once; everything else works on what was read.
package library

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
)

// Reasons of this package's errors, beside the ones with a meaning everywhere.
const (
	ReasonSignatureInvalid = "signature_invalid" // Forbidden: the link was altered or is not ours
	ReasonSignatureExpired = "signature_expired" // Forbidden: the link was good once
	ReasonFileNotFound     = "file_not_found"    // NotFound: also somebody else's
	ReasonNoThumbnail      = "no_thumbnail"      // NotFound
	ReasonUploadRunning    = "upload_running"    // Conflict: another PUT to this link goes on
	ReasonUploadDone       = "upload_done"       // Conflict: a PUT to this link was finished before
	ReasonUploadOffset     = "upload_offset"     // Conflict: something else has arrived so far
	ReasonUploadAwaited    = "upload_awaited"    // Conflict: confirmed before anything arrived
	ReasonUploadBroken     = "upload_broken"     // Invalid: the body ended early; may be repeated
	ReasonSizeMismatch     = "size_mismatch"     // Invalid: not the announced size; may be repeated
	ReasonDigestMismatch   = "digest_mismatch"   // Invalid: not the announced digest; may be repeated
	ReasonNameWrong        = "file_name"         // Invalid: no name that every file system takes
	ReasonContentMissing   = "content_missing"   // Internal: a stored file without its content
)

// Records keeps what is known of files. Acts are kept together with the change.
type Records interface {
	CreateFile(ctx context.Context, f grove.File, acts ...grove.AuditEntry) (grove.File, error)
	File(ctx context.Context, id string) (grove.File, error)
	FileByTicket(ctx context.Context, ticket string) (grove.File, error)
	FileByProject(ctx context.Context, id int64) (grove.File, error)
	FileByProfile(ctx context.Context, id int64) (grove.File, error)
	Files(ctx context.Context, filter grove.FileFilter, page grove.Page) (grove.List[grove.File], error)
	// FileKin says how stored files of one owner stand to the others, by their ids.
	FileKin(ctx context.Context, ownerID int64, files []grove.File) (map[string]grove.FileKin, error)
	// HeldFiles are those of the files that an owner has stored, by their ids.
	HeldFiles(ctx context.Context, ownerID int64, ids []string) (map[string]bool, error)
	// Projects lists the stored files by project number, the highest first.
	Projects(ctx context.Context, ownerID int64, page grove.Page) (grove.List[grove.File], error)
	StoredBytes(ctx context.Context, ownerID int64) (int64, error)
	LargestFiles(ctx context.Context, ownerID int64, limit int) ([]grove.File, error)
	UpdateFile(ctx context.Context, id string, fn func(*grove.File) error, acts ...grove.AuditEntry) (grove.File, error)
	StaleFiles(ctx context.Context, before time.Time) ([]grove.File, error)
	DeleteFile(ctx context.Context, id string, acts ...grove.AuditEntry) error
	PresetRecords
	SpoolRecords
}

// Blobs keeps the files' contents: whole and synced, or not at all.
type Blobs interface {
	Put(ctx context.Context, name string, r io.Reader) (grove.Blob, error)
	Append(ctx context.Context, name string, at int64, r io.Reader) (grove.Blob, error)
	Sum(ctx context.Context, name string) (grove.Blob, error)
	Open(ctx context.Context, name string) (grove.Content, error)
	Delete(ctx context.Context, name string) error
	List(ctx context.Context) iter.Seq2[grove.Blob, error]
	Free(ctx context.Context) (free, total int64, err error)
}

// Config is what a library needs. Zero values mean the defaults.
type Config struct {
	Records Records
	Blobs   Blobs
	// Key signs links: 32 bytes, the same after a restart.
	Key []byte
	// PublicURL is how clients and printers reach the server, without a slash at the end.
	PublicURL string
	// MaxBytes is the largest file taken: 1 GiB.
	MaxBytes int64
	// MinFree is how much space must stay free after an upload: 1 GiB.
	// Negative: the space is not looked at.
	MinFree int64
	// Quota is how much the stored files of one user may have together; 0: any.
	Quota int64
	// UploadLife is how long an upload link works: 1 h.
	UploadLife time.Duration
	// MayForget is nil while what is old by the clock may be removed. May be nil itself.
	MayForget func(ctx context.Context) error
	// Locked says whose accounts are locked: links that they got for uploads take nothing
	// any more. Nil: nobody's.
	Locked func(ownerID int64) bool
	// Limits bound what reading one file may cost, in time above all: 30 s.
	Limits printfile.Limits
	Log    *slog.Logger
}

// readers is how many files are read at once: reading keeps a processor busy.
const readers = 2

// Library keeps uploaded files. It is safe for concurrent use.
type Library struct {
	Config
	running claims
	reading chan struct{} // holds one token for each file that is being read
}

// New makes a library. It panics when the key is too short to sign with, since
// links that anybody can make must never leave the house.
func New(c Config) *Library {
	if len(c.Key) < 32 {
		panic("library: the signing key has fewer than 32 bytes")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 1 << 30
	}
	if c.MinFree == 0 {
		c.MinFree = 1 << 30
	}
	if c.UploadLife == 0 {
		c.UploadLife = time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return &Library{Config: c, reading: make(chan struct{}, readers)}
}

// contentName is where a file's content lies. Like thumbnailName it names the
// file, so that what belongs to none can be found.
func contentName(fileID string) string { return "files/" + fileID }

// now is the time as it is kept: in UTC, to the millisecond.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
