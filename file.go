package grove

import "time"

// UploadState is how far a file has come.
type UploadState string

// The states of a file. Only Stored files are listed.
const (
	Awaiting UploadState = "awaiting" // a signed link was given, nothing arrived whole yet
	Stored   UploadState = "stored"
	Rejected UploadState = "rejected" // arrived, and was refused; Problem says why
)

// File is an uploaded file and what is in it. Every file has a project and a
// profile number, since the vendor's clients address it by those.
type File struct {
	ID        string      `json:"id"`
	OwnerID   int64       `json:"owner_id"`
	Name      string      `json:"name"`
	Kind      string      `json:"kind"` // 3mf, gcode, stl, step
	State     UploadState `json:"state"`
	SizeBytes int64       `json:"size_bytes"`
	SHA256    string      `json:"sha256"`            // lower-case hex
	MD5       string      `json:"md5"`               // upper-case hex, as printers want it
	Problem   string      `json:"problem,omitempty"` // why it can't be read or printed, in words
	Printable bool        `json:"printable"`
	Plates    []Plate     `json:"plates"`
	Tags      []string    `json:"tags"`            // what the owner files it under; no two that differ in case alone
	Model     string      `json:"model,omitempty"` // model code it was sliced for

	ProjectID int64  `json:"project_id"`
	ProfileID int64  `json:"profile_id"`
	ModelID   string `json:"model_id"`
	Ticket    string `json:"-"` // names the upload in the notification poll

	// Prints are where the printable files of this project's plates lie.
	Prints []PrintSource `json:"-"`

	WantBytes int64     `json:"-"` // announced size; 0 not announced
	WantMD5   string    `json:"-"` // announced digest, upper-case hex; empty not announced
	WantSHA   string    `json:"-"` // announced digest, lower-case hex
	CreatedAt time.Time `json:"created_at"`
	StoredAt  time.Time `json:"stored_at,omitzero"`
	ExpiresAt time.Time `json:"-"` // of the upload link
}

// FileSort is the order of a list of files.
type FileSort string

// The orders of a list of files.
const (
	ByNewest FileSort = "newest" // the newest first; also when nothing is said
	ByName   FileSort = "name"   // from A to Z, case aside
	BySize   FileSort = "size"   // the largest first
)

// FileFilter says which files to list, and in which order. Zero fields do not narrow.
type FileFilter struct {
	OwnerID int64
	States  []UploadState
	Name    string // exactly
	Search  string // words that all occur in the name, the tags or the names of plates, case aside
	Tag     string // exactly, case aside
	Kind    string
	Sort    FileSort
}

// FileKin says how a file stands to the stored ones of its owner.
type FileKin struct {
	Versions    int    // stored files of its name
	DuplicateOf string // the oldest stored file of the same content; empty when that is itself
}

// PrintSource is where the printable file of a project's plate lies.
type PrintSource struct {
	Plate  int    `json:"plate"`             // from 1; 0: whichever the file holds
	FileID string `json:"file_id,omitempty"` // the file that was uploaded here for it
	URL    string `json:"url,omitempty"`     // what a client said; kept, and never fetched
	MD5    string `json:"md5,omitempty"`     // likewise
	// Elsewhere: the last word was that it lies on a printer or on another server.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Plate is one printable plate of a file.
type Plate struct {
	Index           int        `json:"index"` // from 1
	Name            string     `json:"name"`
	EstimateSeconds int        `json:"estimate_seconds"`
	WeightGrams     float64    `json:"weight_grams"`
	Filaments       []Filament `json:"filaments"`
	Layers          int        `json:"layers,omitempty"`
	BedType         string     `json:"bed_type,omitempty"`
	NozzleDiameter  float64    `json:"nozzle_diameter,omitempty"`
	MaxNozzle       int        `json:"max_nozzle_celsius,omitempty"` // highest target in its G-code
	MaxBed          int        `json:"max_bed_celsius,omitempty"`
	MaxChamber      int        `json:"max_chamber_celsius,omitempty"`
	HasThumbnail    bool       `json:"has_thumbnail"`
	ThumbnailURL    string     `json:"thumbnail_url,omitempty"` // signed, long-lived; in answers only
}

// Filament is one material a plate uses.
type Filament struct {
	ID     int     `json:"id"` // from 1, the filament's number in the file
	Type   string  `json:"type"`
	Color  string  `json:"color"` // RRGGBBAA
	Preset string  `json:"preset"`
	Grams  float64 `json:"grams"`
	Meters float64 `json:"meters"`
}

// Plate finds a plate by its number.
func (f File) Plate(index int) (Plate, bool) {
	for _, p := range f.Plates {
		if p.Index == index {
			return p, true
		}
	}
	return Plate{}, false
}
