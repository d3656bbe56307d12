package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func upload(id, name string) grove.File {
	return grove.File{
		ID: id, OwnerID: 1, Name: name, Kind: "3mf", State: grove.Awaiting, Ticket: "ticket-" + id, ModelID: "US1",
		WantBytes: 10, WantMD5: "AB", WantSHA: "cd", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func TestAFileIsNumberedAndFoundByEachNumber(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		made := must(db.CreateFile(ctx, upload("f_1", "cube.3mf")))(t)
		want := upload("f_1", "cube.3mf")
		want.ProjectID, want.ProfileID = 160000001, 600000001
		same(t, made, want)

		stored := must(db.UpdateFile(ctx, "f_1", func(f *grove.File) error {
			f.ID, f.State, f.SizeBytes, f.SHA256, f.MD5, f.Printable, f.StoredAt, f.Model = "f_9", grove.Stored, 10, "cd", "AB", true, noon, "C12"
			f.Prints = []grove.PrintSource{{Plate: 1, FileID: "f_3", URL: "ftp://a.gcode.3mf", MD5: "AB"}}
			f.Plates = []grove.Plate{{Index: 1, WeightGrams: 1.5, Filaments: []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF"}}}}
			return nil
		}))(t)
		want.State, want.SizeBytes, want.SHA256, want.MD5, want.Printable, want.StoredAt, want.Model = grove.Stored, 10, "cd", "AB", true, noon, "C12"
		want.Prints = []grove.PrintSource{{Plate: 1, FileID: "f_3", URL: "ftp://a.gcode.3mf", MD5: "AB"}}
		want.Plates = []grove.Plate{{Index: 1, WeightGrams: 1.5, Filaments: []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF"}}}}
		same(t, stored, want)
		same(t, must(db.File(ctx, "f_1"))(t), want)
		same(t, must(db.FileByTicket(ctx, "ticket-f_1"))(t), want)
		same(t, must(db.FileByProject(ctx, 160000001))(t), want)
		same(t, must(db.FileByProfile(ctx, 600000001))(t), want)

		numbered := upload("f_2", "other.3mf")
		numbered.ProjectID, numbered.ProfileID = 160000001, 5
		_, err := db.CreateFile(ctx, numbered)
		refused(t, err, grove.Conflict, "file_exists")
		ok(t, db.DeleteFile(ctx, "f_1"))
		refused(t, db.DeleteFile(ctx, "f_1"), grove.NotFound, "file_not_found")
		_, err = db.File(ctx, "f_1")
		refused(t, err, grove.NotFound, "file_not_found")
		_, err = db.FileByTicket(ctx, "")
		refused(t, err, grove.NotFound, "file_not_found")
		_, err = db.UpdateFile(ctx, "f_1", func(*grove.File) error { return nil })
		refused(t, err, grove.NotFound, "file_not_found")
	})
}

func TestFilesAreListedByOwnerStateAndName(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for i, name := range []string{"a.3mf", "b.3mf", "a.3mf", "c.3mf"} {
			f := upload(fmt.Sprintf("f_%d", i), name)
			f.State, f.Ticket = grove.Stored, ""
			if name == "c.3mf" {
				f.OwnerID, f.State = 2, grove.Rejected
			}
			must(db.CreateFile(ctx, f))(t)
		}
		names := func(filter store.FileFilter, page grove.Page) (ids []string) {
			for _, f := range must(db.Files(ctx, filter, page))(t).Items {
				ids = append(ids, f.ID)
			}
			return ids
		}
		same(t, names(store.FileFilter{}, grove.Page{}), []string{"f_3", "f_2", "f_1", "f_0"})
		same(t, names(store.FileFilter{OwnerID: 1, Name: "a.3mf"}, grove.Page{Limit: 1}), []string{"f_2"})
		same(t, names(store.FileFilter{OwnerID: 1}, grove.Page{Limit: 5, After: "f_2"}), []string{"f_1", "f_0"})
		same(t, names(store.FileFilter{States: []grove.UploadState{grove.Rejected, grove.Awaiting}}, grove.Page{}), []string{"f_3"})
	})
}

func TestStaleFilesAwaitContentAfterTheirLinkEnded(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		stale := must(db.CreateFile(ctx, upload("f_1", "a.3mf")))(t)
		arrived := upload("f_2", "b.3mf")
		arrived.State = grove.Stored
		must(db.CreateFile(ctx, arrived))(t)
		fresh := upload("f_3", "c.3mf")
		fresh.ExpiresAt = noon.Add(2 * time.Hour)
		must(db.CreateFile(ctx, fresh))(t)
		same(t, must(db.StaleFiles(ctx, noon.Add(90*time.Minute)))(t), []grove.File{stale})
	})
}
