// Package blob holds file contents by name: whole, synced and hashed, or not at
// all.
package blob

import (
	"context"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/grovecloud/grove"
)

// Reasons of this package's errors.
const (
	ReasonNotFound = "blob_not_found"
	ReasonBadName  = "blob_name"
)

// Info is what a store knows of a blob. Hashes are known to the Put that made
// it and to Sum; others leave them empty.
type Info = grove.Blob

// Reader reads a blob as it was when it was opened, also while it is replaced
// or, except on Windows, deleted.
type Reader = grove.Content

// Store is where blobs lie. Its rules are held by the suite in blobtest.
//
// A name is made of one or more parts of a-z, 0-9, "_", "-" and ".", divided
// by "/"; no part is empty or begins with a dot; at most 200 bytes in all. A
// name is not a folder of another ("a" and "a/b" do not go together). Others
// are refused as [grove.Invalid].
type Store interface {
	// Put stores what r gives until io.EOF. When it returns without an error
	// the blob survives a crash; with one, nothing of it is kept, and a blob
	// that had the name before is as it was. Putting a name again replaces the
	// blob in one step. It asks ctx between reads; a read that hangs is for
	// whoever owns r to end. No space is [grove.Unavailable], reason disk_full.
	Put(ctx context.Context, name string, r io.Reader) (Info, error)
	// Append goes on with a blob behind its first at bytes; whatever follows them,
	// as after a crash, is dropped first. When it returns without an error all of
	// it survives a crash; with one, the first at bytes do, also when the process
	// is killed meanwhile. A blob that has fewer is [grove.NotFound]. It costs what
	// r gives, however long the blob is, and wants a blob that nobody else reads or
	// writes meanwhile. Else it is as Put.
	Append(ctx context.Context, name string, at int64, r io.Reader) (Info, error)
	// Sum reads all of a blob for its hashes, or says [grove.NotFound].
	Sum(ctx context.Context, name string) (Info, error)
	// Open opens a blob, or says [grove.NotFound].
	Open(ctx context.Context, name string) (Reader, error)
	// Delete removes a blob; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// List gives every blob, in no order, without hashes. What is put or
	// deleted meanwhile may be there or not.
	List(ctx context.Context) iter.Seq2[Info, error]
	// Free is how many bytes can still be stored and how many there are in
	// all; both are negative where that is not known.
	Free(ctx context.Context) (free, total int64, err error)
}

// maxName keeps names below the limits of file systems.
const maxName = 200

// checkName refuses what is not a clean relative name.
func checkName(name string) error {
	if name == "" || len(name) > maxName || path.Clean(name) != name || path.IsAbs(name) {
		return badName(name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part[0] == '.' || strings.ContainsFunc(part, notInName) {
			return badName(name)
		}
	}
	return nil
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

func badName(name string) error {
	return grove.Errorf(grove.Invalid, ReasonBadName,
		"%.100q is not a blob's name: parts of a-z, 0-9, _, - and . divided by /, at most %d bytes", name, maxName)
}

func notFound(name string) error {
	return grove.Errorf(grove.NotFound, ReasonNotFound, "there is no blob %s", name)
}
