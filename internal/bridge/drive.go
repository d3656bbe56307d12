package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jlaffaye/ftp"

	"github.com/grovecloud/grove"
)

// Reasons of a drive's errors.
const (
	ReasonStorageFull   = "storage_full"        // Conflict: also where there is no card or stick
	ReasonNotStored     = "not_stored"          // Unavailable: the file did not arrive whole
	ReasonNoEntry       = "no_such_file"        // NotFound
	ReasonStuck         = "not_deleted"         // Unavailable: there, and the printer does not delete it
	ReasonStorageAway   = "storage_unreachable" // Unavailable: no connection, or it broke
	ReasonListing       = "listing_too_long"    // TooLarge
	ReasonEntryTooLarge = "file_too_large"      // TooLarge
)

// The bounds of what a printer may cost.
const (
	maxListing = 4 << 20 // bytes
	maxEntries = 10_000
	maxFetch   = 4 << 30
	tries      = 3               // of one upload
	busyFor    = 2 * time.Minute // how long a printer may still be busy with what was broken off

	leastUpload = 600 * time.Second // for an upload, however small (bambuddy)
	glance      = time.Minute       // for a listing or a deletion
	scrapIn     = 5 * time.Second   // for the deletion of what arrived by half
	longestWait = 8 * time.Second   // between two tries of an upload
)

// DriveConfig is what a drive needs. Zero values mean the defaults.
type DriveConfig struct {
	LAN   grove.LAN
	Code  grove.Secret
	Trust Trust
	// Dial connects to host:port, where printers may be.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Stranger is told the key of somebody who answers and is not the printer.
	Stranger func(pin string)
	// ClearData lets files pass unencrypted where the printer does not end encrypted
	// transfers, as A1 and A1 mini were seen to do (bambuddy). Login stays encrypted.
	ClearData bool
	Log       *slog.Logger
	// Stall is how long a transfer may stand still: 60 s. Patience is how long the
	// printer may take for a reply: 3 min, since an H2D was seen to need more than
	// 30 s for the one that ends an upload.
	Stall, Patience time.Duration
	// Again is how long to wait before an upload is tried again: 2 s, then twice that.
	Again time.Duration
}

// Drive is a printer's own storage, reached by FTPS: one session at a time and one
// command after the other, since printers answer a second session with an error.
// A print's file goes first: it interrupts whoever only reads.
type Drive struct {
	DriveConfig
	turn chan struct{} // holds whoever has the session

	mu     sync.Mutex
	urgent int                     // how many files of prints wait or go
	yield  context.CancelCauseFunc // of the reader that has the session
	bare   bool                    // data goes unencrypted from now on
}

// NewDrive makes a drive. It connects when there is something to do.
func NewDrive(c DriveConfig) *Drive {
	c.LAN = c.LAN.Complete()
	c.Stall = cmp.Or(c.Stall, time.Minute)
	c.Patience = cmp.Or(c.Patience, 3*time.Minute)
	c.Again = cmp.Or(c.Again, 2*time.Second)
	c.Log = c.Log.With(slog.String("printer", c.LAN.Serial))
	return &Drive{DriveConfig: c, turn: make(chan struct{}, 1)}
}

// Berth is where the file of a job is to lie.
func (d *Drive) Berth(job int64, name string) grove.Berth { return Berth(job, name) }

// Carry brings a file to the printer, whole: it returns when the printer has
// confirmed the transfer and told the right size. told learns how much was sent.
// It tries again from the start while ctx lasts. What arrived by half is deleted,
// also when ctx ends.
func (d *Drive) Carry(ctx context.Context, l grove.Load, told func(sent, total int64)) error {
	if err := checkPath(l.Path); err != nil {
		return err
	}
	leave, err := d.hurry(ctx)
	if err != nil {
		return err
	}
	defer leave()
	began, wait, failed := time.Now(), d.Again, 0
	for {
		begun, err := d.put(ctx, l, told)
		if err == nil {
			return nil
		}
		if begun {
			d.scrap(ctx, l.Path)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if busy := grove.HasReason(err, grove.ReasonStorageBusy) && time.Since(began) < busyFor; !busy {
			if failed++; failed == tries || !errors.Is(err, grove.Unavailable) {
				return err
			}
		}
		d.Log.Warn("upload tried again", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
			wait = min(2*wait, longestWait)
		}
	}
}

// put tries once. begun: there may be something on the printer now.
func (d *Drive) put(ctx context.Context, l grove.Load, told func(sent, total int64)) (begun bool, err error) {
	ctx, end := context.WithTimeout(ctx, max(leastUpload, grove.CarryTime(l.Size)))
	defer end()
	s, err := d.connect(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	if free, known := s.free(); known && free < l.Size {
		return false, grove.Errorf(grove.Conflict, ReasonStorageFull,
			"the storage of printer %s has %d bytes free, and the file has %d; delete files there", d.LAN.Serial, free, l.Size)
	}
	sent, err := d.store(ctx, s, l, told)
	if err != nil {
		d.doubtCipher(err)
		if stalled(err) && sent == l.Size && !d.ClearData {
			return true, d.unconfirmed(err)
		}
		return true, d.explain(ctx, "upload to", err)
	}
	size, err := s.ftp.FileSize(l.Path)
	if err != nil {
		return true, d.explain(ctx, "ask for the size of what was uploaded to", err)
	}
	if size != l.Size || sent != l.Size {
		return true, grove.Errorf(grove.Unavailable, ReasonNotStored,
			"%d of %d bytes arrived at printer %s", size, l.Size, d.LAN.Serial)
	}
	return true, nil
}

// store sends the content. A folder that is missing is made, where the printer
// allows that.
func (d *Drive) store(ctx context.Context, s *session, l grove.Load, told func(sent, total int64)) (sent int64, err error) {
	content, err := l.Open(ctx)
	if err != nil {
		return 0, unreadable(err)
	}
	defer content.Close()
	body := &counted{r: content, told: func(n int64) { told(n, l.Size) }}
	body.told(0)
	err = s.ftp.Stor(l.Path, body)
	if body.n == 0 && (replied(err, ftp.StatusFileUnavailable) || replied(err, ftp.StatusBadFileName)) &&
		s.ftp.MakeDir(path.Dir(l.Path)) == nil {
		err = s.ftp.Stor(l.Path, body)
	}
	switch {
	case body.err != nil:
		return body.n, unreadable(body.err)
	case replied(err, ftp.StatusTransfertAborted) && body.n == l.Size:
		return body.n, nil // a P2S says so after whole transfers: the size decides (open-bambu-networking)
	}
	return body.n, err
}

// unreadable is for a file that this server can't read itself.
func unreadable(err error) error {
	return &grove.Error{Code: grove.Unavailable, Reason: "file_unreadable", Message: "the file could not be read from the server's own store", Err: err}
}

// doubtCipher turns to clear data where that is allowed and an encrypted transfer
// stood still.
func (d *Drive) doubtCipher(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ClearData && !d.bare && stalled(err) {
		d.bare = true
		d.Log.Warn("printer does not end encrypted transfers: its files pass unencrypted from now on, as allowed")
	}
}

// unconfirmed is for a file that the printer has, and about which it says no more.
func (d *Drive) unconfirmed(err error) error {
	return &grove.Error{Code: grove.Unavailable, Reason: ReasonStorageAway, Err: err, Message: "printer " + d.LAN.Serial +
		" did not confirm a file that it took; some A1 and A1 mini never end an encrypted transfer: --lan-clear-files of the server lets their files pass unencrypted"}
}

// scrap deletes what a failed upload left. It fails where the printer is away; the
// caller knows the path too.
func (d *Drive) scrap(ctx context.Context, p string) {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), scrapIn)
	defer end()
	if err := d.remove(ctx, p); err != nil {
		d.Log.Warn("part of a file not deleted", slog.Any("error", err))
	}
}

// Drop deletes a file. One that is not there is deleted. Conflict storage_busy
// while somebody reads a file.
func (d *Drive) Drop(ctx context.Context, p string) error {
	if err := checkPath(p); err != nil {
		return err
	}
	select {
	case d.turn <- struct{}{}:
	default:
		return d.busy()
	}
	defer func() { <-d.turn }()
	ctx, end := context.WithTimeout(ctx, glance)
	defer end()
	return d.remove(ctx, p)
}

func (d *Drive) busy() error {
	return grove.Errorf(grove.Conflict, grove.ReasonStorageBusy, "the storage of printer %s is busy with another file; try again later", d.LAN.Serial)
}

func (d *Drive) remove(ctx context.Context, p string) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	err = s.ftp.Delete(p)
	if replied(err, ftp.StatusFileUnavailable) { // not there, or it can't be deleted
		if _, sized := s.ftp.FileSize(p); replied(sized, ftp.StatusFileUnavailable) {
			return nil
		}
		return grove.Errorf(grove.Unavailable, ReasonStuck, "printer %s does not let %s be deleted; it may be in use, or the card locked", d.LAN.Serial, p)
	}
	if err != nil {
		return d.explain(ctx, "delete a file of", err)
	}
	return nil
}

// List is what a folder of the printer's storage holds, by name. Names that are
// none are left out.
func (d *Drive) List(ctx context.Context, dir string) ([]grove.StorageEntry, error) {
	if err := checkPath(dir); err != nil {
		return nil, err
	}
	ctx, end := context.WithTimeout(ctx, glance)
	defer end()
	ctx, leave, err := d.browse(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	s, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.ftp.ChangeDir(dir); err != nil {
		return nil, d.explain(ctx, "open a folder of", err)
	}
	s.allow(maxListing)
	found, err := s.ftp.List("")
	if err != nil {
		return nil, d.explain(ctx, "list a folder of", err)
	}
	return d.entries(dir, found)
}

func (d *Drive) entries(dir string, found []*ftp.Entry) ([]grove.StorageEntry, error) {
	if len(found) > maxEntries {
		return nil, tooLong(d.LAN.Serial)
	}
	all := make([]grove.StorageEntry, 0, len(found))
	for _, e := range found {
		if e.Type == ftp.EntryTypeLink || !goodName(e.Name) || e.Size > 1<<62 {
			if e.Name != "." && e.Name != ".." {
				d.Log.Warn("entry of the printer's storage left out", slog.String("name", fmt.Sprintf("%.80q", e.Name)))
			}
			continue
		}
		entry := grove.StorageEntry{Name: e.Name, Path: path.Join(dir, e.Name), Folder: e.Type == ftp.EntryTypeFolder, ChangedAt: e.Time}
		if !entry.Folder {
			entry.SizeBytes = int64(e.Size)
		}
		all = append(all, entry)
	}
	slices.SortFunc(all, func(a, b grove.StorageEntry) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func tooLong(serial string) error {
	return grove.Errorf(grove.TooLarge, ReasonListing, "printer %s lists more than %d files or %d MiB; delete files there", serial, maxEntries, maxListing>>20)
}

// Fetch writes a file of the printer's storage to w, whole or with an error.
func (d *Drive) Fetch(ctx context.Context, p string, w io.Writer) error {
	if err := checkPath(p); err != nil {
		return err
	}
	ctx, leave, err := d.browse(ctx)
	if err != nil {
		return err
	}
	defer leave()
	opening, end := context.WithTimeout(ctx, glance)
	defer end()
	s, err := d.connect(opening)
	if err != nil {
		return err
	}
	size, err := s.ftp.FileSize(p)
	s.close()
	if err != nil {
		return d.explain(opening, "ask for the size of a file of", err)
	}
	if size < 0 || size > maxFetch {
		return grove.Errorf(grove.TooLarge, ReasonEntryTooLarge, "the file has %d bytes, and at most %d are fetched; take the card out", size, int64(maxFetch))
	}
	return d.fetch(ctx, p, size, w)
}

func (d *Drive) fetch(ctx context.Context, p string, size int64, w io.Writer) error {
	ctx, end := context.WithTimeout(ctx, max(leastUpload, grove.CarryTime(size)))
	defer end()
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.allow(size + 1)
	from, err := s.ftp.Retr(p)
	if err != nil {
		return d.explain(ctx, "fetch a file of", err)
	}
	n, err := io.Copy(w, from)
	err = errors.Join(err, from.Close())
	if err != nil {
		return d.explain(ctx, "fetch a file of", err)
	}
	if n != size {
		return grove.Errorf(grove.Unavailable, ReasonStorageAway, "%d of %d bytes came from printer %s; try again", n, size, d.LAN.Serial)
	}
	return nil
}

// hurry takes the session for a print's file; who reads is sent away.
func (d *Drive) hurry(ctx context.Context) (leave func(), err error) {
	d.mu.Lock()
	d.urgent++
	if d.yield != nil {
		d.yield(d.busy())
	}
	d.mu.Unlock()
	over := func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.urgent--
	}
	select {
	case d.turn <- struct{}{}:
		return func() { over(); <-d.turn }, nil
	case <-ctx.Done():
		over()
		return nil, context.Cause(ctx)
	}
}

// browse takes the session for somebody who reads, until a print's file comes.
func (d *Drive) browse(ctx context.Context) (_ context.Context, leave func(), err error) {
	wait := time.NewTimer(glance)
	defer wait.Stop()
	select {
	case d.turn <- struct{}{}:
	case <-wait.C:
		return nil, nil, d.busy()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	d.mu.Lock()
	d.yield = cancel
	if d.urgent > 0 {
		cancel(d.busy())
	}
	d.mu.Unlock()
	return ctx, func() {
		d.mu.Lock()
		d.yield = nil
		d.mu.Unlock()
		cancel(nil)
		<-d.turn
	}, nil
}

// replied reports whether the printer answered with this code.
func replied(err error, code int) bool {
	reply, ok := errors.AsType[*textproto.Error](err)
	return ok && reply.Code == code
}

// counted tells how much was read, and remembers what kept it from reading.
type counted struct {
	r    io.Reader
	n    int64
	err  error
	told func(int64)
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if n > 0 {
		c.told(c.n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
