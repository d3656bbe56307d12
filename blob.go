package grove

import (
	"io"
	"time"
)

// Blob is what is known of a file's content as it lies in a store of contents.
type Blob struct {
	Name    string
	Size    int64
	SHA256  string // lower-case hex; empty where only listed
	MD5     string // upper-case hex, as printers want it; empty where only listed
	ModTime time.Time
}

// Content is a file's content, open for reading. Close it.
type Content interface {
	io.ReadSeekCloser
	io.ReaderAt
	// Size is the number of bytes.
	Size() int64
}
