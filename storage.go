package grove

import (
	"context"
	"io"
	"time"
)

// StorageEntry is a file or folder on a printer's own storage: its SD card or USB
// stick. Names and sizes are the printer's word.
type StorageEntry struct {
	Name      string `json:"name"`
	Path      string `json:"path"` // from the storage's root, such as /timelapse/video.mp4
	Folder    bool   `json:"folder"`
	SizeBytes int64  `json:"size_bytes"` // 0 for a folder
	// ChangedAt is the printer's own clock without its zone, read as UTC.
	ChangedAt time.Time `json:"changed_at,omitzero"`
}

// Berth is where a job's file is to lie on its printer's storage: Path deletes it,
// URL is what the start command calls it.
type Berth struct {
	Path string
	URL  string
}

// Load is a file on its way to a printer's storage. Open gives the whole content
// anew for each try; it has Size bytes.
type Load struct {
	Path string
	Size int64
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// CarryBytesPerSecond is the least rate at which files are expected to reach a
// printer: half of what the slowest Wi-Fi was seen to do (bambuddy).
const CarryBytesPerSecond = 25_000

// CarryTime is how long bringing so many bytes to a printer may take.
func CarryTime(size int64) time.Duration {
	return time.Duration(size/CarryBytesPerSecond) * time.Second
}
