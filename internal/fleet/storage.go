package fleet

import (
	"context"
	"io"

	"github.com/grovecloud/grove"
)

// ReasonNoStorage is Conflict: nothing on the way to the printer carries files.
const ReasonNoStorage = "no_storage_access"

// Carrying is a link that also brings files to its printer's own storage. A printer
// whose link does not fetches its files itself.
type Carrying interface {
	// Berth is where the file of a job is to lie; always the same.
	Berth(job int64, name string) grove.Berth
	// Carry brings a file there, whole, or leaves nothing. told must not block.
	Carry(ctx context.Context, l grove.Load, told func(sent, total int64)) error
	Dropping
}

// Dropping is a link that deletes what lies on its printer's own storage.
type Dropping interface {
	// Drop deletes a file. One that is not there is deleted.
	Drop(ctx context.Context, path string) error
}

// Browsing is a link that shows what lies on its printer's own storage.
type Browsing interface {
	List(ctx context.Context, dir string) ([]grove.StorageEntry, error)
	// Fetch writes a whole file, or ends with an error.
	Fetch(ctx context.Context, path string, w io.Writer) error
}

// Berth is where the file of a job is to lie on its printer. False: no file can be
// brought to it, it fetches them.
func (f *Fleet) Berth(serial string, job int64, name string) (grove.Berth, bool) {
	c, err := linked[Carrying](f.unit(serial))
	if err != nil {
		return grove.Berth{}, false
	}
	return c.Berth(job, name), true
}

// Carry brings a job's file to its printer's storage.
func (f *Fleet) Carry(ctx context.Context, serial string, l grove.Load, told func(sent, total int64)) error {
	c, err := linked[Carrying](f.unit(serial))
	if err != nil {
		return err
	}
	return c.Carry(ctx, l, told)
}

// Drop deletes what was brought to a printer's storage.
func (f *Fleet) Drop(ctx context.Context, serial, path string) error {
	c, err := linked[Carrying](f.unit(serial))
	if err != nil {
		return err
	}
	return c.Drop(ctx, path)
}

// Stored is what a folder on the storage of the actor's printer holds.
func (f *Fleet) Stored(ctx context.Context, actor grove.Actor, serial, dir string) ([]grove.StorageEntry, error) {
	b, err := linked[Browsing](f.mayBrowse(actor, serial))
	if err != nil {
		return nil, err
	}
	return b.List(ctx, dir)
}

// Fetch writes a file from the storage of the actor's printer to w.
func (f *Fleet) Fetch(ctx context.Context, actor grove.Actor, serial, path string, w io.Writer) error {
	b, err := linked[Browsing](f.mayBrowse(actor, serial))
	if err != nil {
		return err
	}
	return b.Fetch(ctx, path, w)
}

// Erase deletes a file from the storage of the actor's printer. Conflict printer_busy
// unless the printer is at rest: the file may be the one that it prints.
func (f *Fleet) Erase(ctx context.Context, actor grove.Actor, serial, path string) error {
	u, err := f.mayBrowse(actor, serial)
	if err != nil {
		return err
	}
	owner := u.owner.Load()
	if err := f.Gate.Authorize(actor, grove.ControlPrinter, grove.Resource{Serial: serial, OwnerID: owner}); err != nil {
		return err
	}
	if err := f.Gate.Authorize(actor, grove.WriteFiles, grove.Resource{OwnerID: owner}); err != nil {
		return err
	}
	d, err := linked[Dropping](u, nil)
	if err != nil {
		return err
	}
	u.mu.Lock()
	rests := u.complete && u.shadow.Idle()
	u.mu.Unlock()
	if !rests {
		return grove.Errorf(grove.Conflict, "printer_busy", "printer %s prints, or has not told its whole state yet, and the file may be the one that it prints; nothing was deleted, delete it when the print is over", serial)
	}
	if err := f.Records.AddAudit(ctx, did(actor, serial, owner, "printer.file_delete", path)); err != nil {
		return err
	}
	return d.Drop(ctx, path)
}

// MayBrowse is nil while the actor may see what lies on a printer's storage.
func (f *Fleet) MayBrowse(actor grove.Actor, serial string) error {
	_, err := f.mayBrowse(actor, serial)
	return err
}

// mayBrowse asks whether the actor may see the printer and the files of its owner: a
// printer's storage holds what its owner printed, which no share shows.
func (f *Fleet) mayBrowse(actor grove.Actor, serial string) (*unit, error) {
	u, err := f.may(actor, grove.ReadPrinter, serial)
	if err != nil {
		return nil, err
	}
	return u, f.Gate.Authorize(actor, grove.ReadFiles, grove.Resource{OwnerID: u.owner.Load()})
}

// linked is the link of a printer that is connected, when it can do this.
func linked[T any](u *unit, err error) (able T, _ error) {
	if err != nil {
		return able, err
	}
	u.mu.Lock()
	link := u.link
	u.mu.Unlock()
	if link == nil {
		return able, offline(u.serial)
	}
	able, ok := link.(T)
	if !ok {
		return able, grove.Errorf(grove.Conflict, ReasonNoStorage, "printer %s is connected by MQTT alone, which carries no files", u.serial)
	}
	return able, nil
}
