package library

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
)

// Wish is what a client says of a file before it sends it. All but the name
// is checked against what arrives, where given.
type Wish struct {
	// Name's ending says the kind. Empty: the content says it, and the file is
	// called by its id.
	Name   string
	Size   int64  // in bytes; 0: not announced
	MD5    string // hex; empty: not announced
	SHA256 string // hex; empty: not announced
	// PrintOf is the profile of the project whose plate this file prints. Zero: of none.
	PrintOf int64
	Plate   int // from 1; 0: not said
	Tags    []string

	life time.Duration // of the link; 0: as all
}

// Upload is a file that is awaited.
type Upload struct {
	File      grove.File
	URL       string // takes the content
	ExpiresIn time.Duration
}

// NewUpload makes a file's record and the link to send its content to. A kind
// that is not taken is Invalid upload_failed, a size that is too large or beyond
// the user's quota TooLarge upload_failed, no space for it Unavailable disk_full.
func (l *Library) NewUpload(ctx context.Context, actor grove.Actor, w Wish) (Upload, error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return Upload{}, err
	}
	f, err := l.draft(w)
	if err != nil {
		return Upload{}, err
	}
	f.OwnerID = owner
	if err := l.fits(ctx, &f, 0, f.WantBytes); err != nil {
		return Upload{}, err
	}
	f, err = l.Records.CreateFile(ctx, f, actor.Did("file.announce", f.ID+" "+f.Name))
	if err != nil {
		return Upload{}, fmt.Errorf("create upload: %w", err)
	}
	if err := l.attach(ctx, actor, w, f.ID); err != nil {
		return Upload{}, err
	}
	return Upload{File: f, URL: l.UploadURL(f), ExpiresIn: cmp.Or(w.life, l.UploadLife)}, nil
}

// NewProject makes an upload for a project of this name; the slicer sends a 3MF
// to it, also when the name does not say so.
func (l *Library) NewProject(ctx context.Context, actor grove.Actor, name string) (Upload, error) {
	if _, ok := printfile.Kind(name); !ok && name != "" {
		name += "." + printfile.Kind3MF
	}
	return l.NewUpload(ctx, actor, Wish{Name: name})
}

// draft is the record of a wish that can be fulfilled.
func (l *Library) draft(w Wish) (grove.File, error) {
	name := CleanName(w.Name)
	kind, known := printfile.Kind(name)
	if w.Name != "" && !known {
		return grove.File{}, wrong("filename", "%q is not a file that is taken here: its name must end in .3mf, .gcode, .stl or .step", name)
	}
	if w.Size < 0 {
		return grove.File{}, wrong("size", "a size of %d bytes is none; leave it out or give the file's true size", w.Size)
	}
	if w.Size > l.MaxBytes {
		return grove.File{}, l.tooLarge()
	}
	md5, okMD5 := digest(w.MD5, 16)
	sha, okSHA := digest(w.SHA256, 32)
	switch {
	case !okMD5:
		return grove.File{}, wrong("md5", "%.80q is no MD5 digest: it has 32 hex digits", w.MD5)
	case !okSHA:
		return grove.File{}, wrong("sha256", "%.80q is no SHA-256 digest: it has 64 hex digits", w.SHA256)
	}
	words, err := grove.CheckTags(w.Tags)
	if err != nil {
		return grove.File{}, err
	}
	at := now()
	return grove.File{
		ID: newID("f_"), Name: name, Kind: kind, State: grove.Awaiting, Plates: []grove.Plate{}, Tags: words,
		ModelID: newModelID(), Ticket: "t_" + strings.ToLower(rand.Text()),
		WantBytes: w.Size, WantMD5: strings.ToUpper(md5), WantSHA: sha,
		CreatedAt: at, ExpiresAt: at.Truncate(time.Second).Add(cmp.Or(w.life, l.UploadLife)),
	}, nil
}

// wrong is a wish that can never be fulfilled as it is.
func wrong(field, format string, args ...any) error {
	err := grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, format, args...)
	err.Fields = map[string]string{field: err.Message}
	return err
}

func (l *Library) tooLarge() error {
	return grove.Errorf(grove.TooLarge, grove.ReasonUploadFailed,
		"the file is larger than the %s that are taken here; slice it in parts", size(l.MaxBytes))
}

// digest reads hex of so many bytes into lower case; empty is fine.
func digest(text string, bytes int) (string, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	raw, err := hex.DecodeString(text)
	return text, text == "" || err == nil && len(raw) == bytes
}

func newID(prefix string) string { return prefix + strings.ToLower(ulid.Make().String()) }

// newModelID looks like those of the vendor's cloud: US and 14 hex digits.
func newModelID() string {
	b := make([]byte, 7)
	_, _ = rand.Read(b) // never fails
	return "US" + hex.EncodeToString(b)
}

// fits refuses a file for which there is no space, or none left for its owner.
// Of whole bytes, 0 when that is not known, so many have arrived.
func (l *Library) fits(ctx context.Context, f *grove.File, arrived, whole int64) error {
	if err := l.room(ctx, whole-arrived); err != nil {
		return err
	}
	return l.allowed(ctx, f, max(arrived, whole))
}

// allowed refuses what would take a user beyond the quota, and names what is best
// deleted.
func (l *Library) allowed(ctx context.Context, f *grove.File, need int64) error {
	if l.Quota <= 0 {
		return nil
	}
	used, err := l.Records.StoredBytes(ctx, f.OwnerID)
	if err != nil {
		return fmt.Errorf("add up files: %w", err)
	}
	used -= f.SizeBytes // what has arrived of this one
	if used+max(need, 1) <= l.Quota {
		return nil
	}
	const named = 3
	largest, err := l.Records.LargestFiles(ctx, f.OwnerID, named)
	if err != nil {
		return fmt.Errorf("find largest files: %w", err)
	}
	hint := "slice it in parts"
	for i, large := range largest {
		if i == 0 {
			hint = "delete what you don't need; the largest are "
		} else {
			hint += ", "
		}
		hint += fmt.Sprintf("%s (%s, %s)", large.Name, large.ID, size(large.SizeBytes))
	}
	return grove.Errorf(grove.TooLarge, grove.ReasonUploadFailed,
		"your files have %s of the %s that each account may store here, which leaves too little for this one, so it was not taken; %s", size(used), size(l.Quota), hint)
}

// room refuses what would leave too little space on the disk.
func (l *Library) room(ctx context.Context, need int64) error {
	if l.MinFree < 0 {
		return nil
	}
	free, _, err := l.Blobs.Free(ctx)
	if err != nil {
		return fmt.Errorf("look for free space: %w", err)
	}
	if free < 0 || free-max(need, 0) >= l.MinFree { // negative: not known
		return nil
	}
	return grove.Errorf(grove.Unavailable, grove.ReasonDiskFull,
		"the server has %s of disk space left and keeps %s free, so the file was not taken; free some space there and try again",
		size(free), size(l.MinFree))
}

// size writes a number of bytes for a person.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
