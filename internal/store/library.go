package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

// tagMark stands around each tag in a search text. No name and no tag has it.
const tagMark = "\x1f"

// searchText is what a file is found by: its name, the names of its plates and its
// tags, in lower case. The databases themselves know the case of ASCII alone.
func searchText(f grove.File) string {
	parts := []string{f.Name}
	for _, p := range f.Plates {
		parts = append(parts, p.Name)
	}
	text := strings.ReplaceAll(strings.Join(parts, "\n"), tagMark, " ")
	if len(f.Tags) > 0 {
		text += "\n" + tagMark + strings.Join(f.Tags, tagMark) + tagMark
	}
	return strings.ToLower(text)
}

// within is a pattern for what has the text somewhere; ! escapes.
func within(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(text)) + "%"
}

// Files lists files, newest first unless the filter says otherwise.
func (db *DB) Files(ctx context.Context, filter grove.FileFilter, page grove.Page) (grove.List[grove.File], error) {
	l := listing{columns: fileColumns, from: "files", keys: []string{"id"}, cursor: byID("f_")}
	switch filter.Sort {
	case grove.ByName:
		// The text begins with the name.
		l.keys, l.cursor, l.oldest = []string{"search_text", "id"}, fileAt[string](db, "search_text"), true
	case grove.BySize:
		l.keys, l.cursor = []string{"size_bytes", "id"}, fileAt[int64](db, "size_bytes")
	case grove.ByNewest:
	}
	for _, exact := range []told[string]{{"name", filter.Name}, {"kind", filter.Kind}} {
		if exact.value != "" {
			l.and(exact.of+" = ?", exact.value)
		}
	}
	if filter.OwnerID != 0 {
		l.and("owner_id = ?", filter.OwnerID)
	}
	for word := range strings.FieldsSeq(filter.Search) {
		l.and("search_text LIKE ? ESCAPE '!'", within(word))
	}
	if filter.Tag != "" {
		l.and("search_text LIKE ? ESCAPE '!'", within(tagMark+filter.Tag+tagMark))
	}
	oneOf(&l, "state", filter.States)
	return list(ctx, db, l, page, scanFile)
}

// fileAt is a cursor for lists in the order of a column and then of the ids. Where a
// file that was deleted stood, nobody knows any more.
func fileAt[T any](db *DB, column string) cursor {
	return func(ctx context.Context, id string) ([]any, error) {
		place, err := one(ctx, db.read, scanTold[T], "SELECT id, "+column+" FROM files WHERE id = $1", id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, badAfter(id, "of a file that is still there")
		}
		return []any{place.value, place.of}, fault("find place in list", err)
	}
}

// told is a value by the name or the id that it is told of.
type told[T any] struct {
	of    string
	value T
}

func scanTold[T any](r row) (told[T], error) {
	var v told[T]
	err := r.Scan(&v.of, &v.value)
	return v, err
}

// FileKin says how files of one owner stand to the stored ones of that owner, by their
// ids.
func (db *DB) FileKin(ctx context.Context, ownerID int64, files []grove.File) (map[string]grove.FileKin, error) {
	names, sums := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		names[f.Name] = true
		if f.SHA256 != "" {
			sums[f.SHA256] = true
		}
	}
	versions, err := tellOf[int](ctx, db, ownerID, "name", "count(*)", names)
	if err != nil {
		return nil, err
	}
	oldest, err := tellOf[string](ctx, db, ownerID, "sha256", "min(id)", sums)
	if err != nil {
		return nil, err
	}
	kin := make(map[string]grove.FileKin, len(files))
	for _, f := range files {
		k := grove.FileKin{Versions: versions[f.Name]}
		if first := oldest[f.SHA256]; first != f.ID {
			k.DuplicateOf = first
		}
		kin[f.ID] = k
	}
	return kin, nil
}

// HeldFiles are those of the files that an owner has stored, by their ids.
func (db *DB) HeldFiles(ctx context.Context, ownerID int64, ids []string) (map[string]bool, error) {
	asked := map[string]bool{}
	for _, id := range ids {
		asked[id] = true
	}
	found, err := tellOf[int](ctx, db, ownerID, "id", "count(*)", asked)
	held := make(map[string]bool, len(found))
	for id := range found {
		held[id] = true
	}
	return held, err
}

// tellOf asks something of the stored files of an owner that have the same in a column.
func tellOf[T any](ctx context.Context, db *DB, ownerID int64, column, what string, values map[string]bool) (map[string]T, error) {
	if len(values) == 0 {
		return nil, nil
	}
	l := listing{from: "files"}
	l.and("owner_id = ?", ownerID)
	l.and("state = 'stored'")
	oneOf(&l, column, slices.Sorted(maps.Keys(values)))
	found, err := all(ctx, db.read, scanTold[T], "SELECT "+column+", "+what+" FROM "+l.filter()+" GROUP BY "+column, l.args...)
	if err != nil {
		return nil, fault("look for files that have something", err)
	}
	out := make(map[string]T, len(found))
	for _, f := range found {
		out[f.of] = f.value
	}
	return out, nil
}

// fillSearchTexts gives the files of before a text to be found by.
func fillSearchTexts(ctx context.Context, t *sql.Tx) error {
	files, err := all(ctx, t, func(r row) (f grove.File, err error) {
		err = r.Scan(&f.ID, &f.Name, document{&f.Plates}, document{&f.Tags})
		return f, err
	}, "SELECT id, name, plates, tags FROM files WHERE search_text = ''")
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := t.ExecContext(ctx, "UPDATE files SET search_text = $1 WHERE id = $2", storable([]any{searchText(f), f.ID})...); err != nil {
			return err
		}
	}
	return nil
}
