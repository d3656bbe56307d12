package store_test

import (
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// shelve stores a file of the first user.
func shelve(t *testing.T, db *store.DB, i int, name string, change func(*grove.File)) {
	t.Helper()
	f := upload(fileID(i), name)
	f.State, f.Ticket, f.SHA256 = grove.Stored, "", "sum of "+name
	if change != nil {
		change(&f)
	}
	must(db.CreateFile(t.Context(), f))(t)
}

func TestFilesAreFoundByTheirWordsTagsAndKind(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		shelve(t, db, 0, "Größe_100%.3mf", func(f *grove.File) { f.Plates = []grove.Plate{{Index: 1, Name: "Left ÄRM"}} })
		shelve(t, db, 1, "cube.stl", func(f *grove.File) { f.Kind, f.Tags = "stl", []string{"Spare parts", "Küche"} })
		shelve(t, db, 2, "lamp.3mf", func(f *grove.File) { f.OwnerID, f.Tags = 2, []string{"Küche"} })
		found := func(filter grove.FileFilter) (names []string) {
			filter.OwnerID = 1
			for _, f := range must(db.Files(ctx, filter, grove.Page{Limit: 10}))(t).Items {
				names = append(names, f.Name)
			}
			return names
		}
		same(t, found(grove.FileFilter{Search: "GRÖSSE"}), []string(nil))
		same(t, found(grove.FileFilter{Search: "größe"}), []string{"Größe_100%.3mf"})
		same(t, found(grove.FileFilter{Search: "ärm 100%"}), []string{"Größe_100%.3mf"})
		same(t, found(grove.FileFilter{Search: "ärm cube"}), []string(nil))
		same(t, found(grove.FileFilter{Search: "0%0"}), []string(nil))
		same(t, found(grove.FileFilter{Search: "cub_"}), []string(nil))
		same(t, found(grove.FileFilter{Search: "PARTS KÜCHE"}), []string{"cube.stl"})
		same(t, found(grove.FileFilter{Tag: "kÜche"}), []string{"cube.stl"})
		same(t, found(grove.FileFilter{Tag: "parts"}), []string(nil))
		same(t, found(grove.FileFilter{Kind: "stl"}), []string{"cube.stl"})

		must(db.UpdateFile(ctx, fileID(1), func(f *grove.File) error {
			f.Name, f.Tags = "Box.stl", []string{"toys"}
			return nil
		}))(t)
		same(t, found(grove.FileFilter{Search: "cube"}), []string(nil))
		same(t, found(grove.FileFilter{Search: "box", Tag: "Toys"}), []string{"Box.stl"})
		same(t, must(db.File(ctx, fileID(1)))(t).Tags, []string{"toys"})
	})
}

func TestFilesAreListedInEveryOrderAndGoOnAfterEach(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		for i, name := range []string{"b.3mf", "A.3mf", "é.3mf", "a.3mf", "a b.3mf"} {
			shelve(t, db, i, name, func(f *grove.File) { f.SizeBytes = int64(i % 3) })
		}
		walk := func(sort grove.FileSort) (names []string) {
			page := grove.Page{Limit: 1}
			for {
				list := must(db.Files(t.Context(), grove.FileFilter{OwnerID: 1, Sort: sort}, page))(t)
				for _, f := range list.Items {
					names, page.After = append(names, f.Name), f.ID
				}
				if !list.More {
					return names
				}
			}
		}
		same(t, walk(""), []string{"a b.3mf", "a.3mf", "é.3mf", "A.3mf", "b.3mf"})
		same(t, walk(grove.ByNewest), walk(""))
		same(t, walk(grove.ByName), []string{"a b.3mf", "A.3mf", "a.3mf", "b.3mf", "é.3mf"})
		same(t, walk(grove.BySize), []string{"é.3mf", "a b.3mf", "A.3mf", "a.3mf", "b.3mf"})

		for _, sort := range []grove.FileSort{grove.ByName, grove.BySize} {
			_, err := db.Files(t.Context(), grove.FileFilter{OwnerID: 1, Sort: sort}, grove.Page{Limit: 1, After: "f_gone"})
			refused(t, err, grove.Invalid, "after")
		}
	})
}

func TestFilesKnowTheirVersionsAndDuplicates(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		content := func(sum string) func(*grove.File) { return func(f *grove.File) { f.SHA256 = sum } }
		shelve(t, db, 0, "a.3mf", content("1"))
		shelve(t, db, 1, "a.3mf", content("2"))
		shelve(t, db, 2, "b.3mf", content("1"))
		shelve(t, db, 3, "b.3mf", func(f *grove.File) { f.OwnerID, f.SHA256 = 2, "2" })
		shelve(t, db, 4, "b.3mf", func(f *grove.File) { f.State, f.SHA256 = grove.Awaiting, "" })
		list := must(db.Files(t.Context(), grove.FileFilter{OwnerID: 1, States: []grove.UploadState{grove.Stored}}, grove.Page{}))(t)
		same(t, must(db.FileKin(t.Context(), 1, list.Items))(t), map[string]grove.FileKin{
			fileID(0): {Versions: 2}, fileID(1): {Versions: 2}, fileID(2): {Versions: 1, DuplicateOf: fileID(0)},
		})
		same(t, must(db.FileKin(t.Context(), 1, nil))(t), map[string]grove.FileKin{})
		same(t, must(db.HeldFiles(t.Context(), 1, []string{fileID(0), fileID(3), fileID(4), fileID(0), "", "none"}))(t), map[string]bool{fileID(0): true})
		same(t, must(db.HeldFiles(t.Context(), 1, nil))(t), map[string]bool{})
	})
}

// A database of before had no texts to be found by.
func TestFilesOfBeforeAreFoundToo(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		shelve(t, db, 0, "CÜBE.3mf", func(f *grove.File) { f.Plates = []grove.Plate{{Index: 1, Name: "Left"}} })
		shelve(t, db, 1, "other.3mf", nil)
		must(db.Raw(t.Context(), `UPDATE files SET search_text = ''`))(t)
		must(db.Raw(t.Context(), `DELETE FROM goose_db_version WHERE version_id = 26`))(t)
		filter := grove.FileFilter{Search: "cübe left"}
		same(t, must(db.Files(t.Context(), filter, grove.Page{}))(t).Total, 0)
		ok(t, db.Migrate(t.Context()))
		same(t, must(db.Files(t.Context(), filter, grove.Page{}))(t).Items[0].ID, fileID(0))
	})
}
