package store_test

import (
	"fmt"
	"strconv"
	"strings"
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
			f := upload(fileID(i), name)
			f.State, f.Ticket = grove.Stored, ""
			if name == "c.3mf" {
				f.OwnerID, f.State = 2, grove.Rejected
			}
			must(db.CreateFile(ctx, f))(t)
		}
		names := func(filter grove.FileFilter, page grove.Page) (ids []string) {
			for _, f := range must(db.Files(ctx, filter, page))(t).Items {
				ids = append(ids, f.ID)
			}
			return ids
		}
		same(t, names(grove.FileFilter{}, grove.Page{}), []string{fileID(3), fileID(2), fileID(1), fileID(0)})
		same(t, names(grove.FileFilter{OwnerID: 1, Name: "a.3mf"}, grove.Page{Limit: 1}), []string{fileID(2)})
		same(t, names(grove.FileFilter{OwnerID: 1}, grove.Page{Limit: 5, After: fileID(2)}), []string{fileID(1), fileID(0)})
		same(t, names(grove.FileFilter{States: []grove.UploadState{grove.Rejected, grove.Awaiting}}, grove.Page{}), []string{fileID(3)})

		ok(t, db.DeleteFile(ctx, fileID(2)))
		same(t, names(grove.FileFilter{OwnerID: 1}, grove.Page{Limit: 1, After: fileID(2)}), []string{fileID(1)})
		for _, after := range []string{"garbage", "f_", "f_1", fileID(1) + "0", strings.ToUpper(fileID(1)), "ntf" + fileID(1)[1:], "160000001"} {
			_, err := db.Files(ctx, grove.FileFilter{OwnerID: 1}, grove.Page{Limit: 1, After: after})
			refused(t, err, grove.Invalid, "after")
		}
	})
}

// fileID is the i-th of ids that sort by i.
func fileID(i int) string { return fmt.Sprintf("f_01arz3ndektsv4rrffq69g5f%02d", i) }

func TestProjectsGoOnAfterTheirNumbers(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var numbers []int64
		for i := range 4 {
			f := upload(fileID(9-i), "a.3mf") // ids may be made in another order than numbers
			f.State, f.Ticket = grove.Stored, ""
			if i == 3 {
				f.OwnerID = 2
			}
			numbers = append(numbers, must(db.CreateFile(ctx, f))(t).ProjectID)
		}
		must(db.CreateFile(ctx, upload("f_awaited", "a.3mf")))(t)
		page := func(after string) (got []int64) {
			for _, f := range must(db.Projects(ctx, 1, grove.Page{Limit: 2, After: after}))(t).Items {
				got = append(got, f.ProjectID)
			}
			return got
		}
		same(t, page(""), []int64{numbers[2], numbers[1]})
		ok(t, db.DeleteFile(ctx, fileID(8)))
		same(t, page(strconv.FormatInt(numbers[1], 10)), []int64{numbers[0]})
		_, err := db.Projects(ctx, 1, grove.Page{After: fileID(9)})
		refused(t, err, grove.Invalid, "after")
	})
}

func TestAFileIsKeptForAsLongAsAJobNeedsIt(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for _, id := range []string{"f_1", "f_2"} {
			f := upload(id, "cube.3mf")
			must(db.CreateFile(ctx, f))(t)
		}
		job := must(db.CreateJob(ctx, queued("P1"), nil))(t)
		for _, state := range []grove.JobState{grove.Claimed, grove.Ready, grove.Sending, grove.Unknown, grove.Running} {
			refused(t, db.DeleteFile(ctx, "f_1"), grove.Conflict, "file_in_use")
			job = must(db.UpdateJob(ctx, job.ID, moveTo(state)))(t)
		}
		refused(t, db.DeleteFile(ctx, "f_1"), grove.Conflict, "file_in_use")
		ok(t, db.DeleteFile(ctx, "f_2"))
		must(db.UpdateJob(ctx, job.ID, moveTo(grove.Finished)))(t)
		ok(t, db.DeleteFile(ctx, "f_1"))
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
