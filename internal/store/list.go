package store

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

// listing is a question for part of a table. Its texts are written in this
// package; what comes from outside is in args only.
type listing struct {
	columns string
	from    string
	where   []string
	args    []any
	keys    []string // the order
	cursor  cursor   // finds the place that a page begins after
	oldest  bool     // oldest first, else newest first
}

// cursor gives the keys of the entry with this id, or refuses what is no id of
// the list. Ids that sort by their making say their place themselves, so that a
// list goes on also after an entry that was deleted meanwhile.
type cursor func(ctx context.Context, id string) ([]any, error)

// byNumber is for lists in the order of their numbers.
func byNumber(_ context.Context, id string) ([]any, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, badAfter(id, "a number")
	}
	return []any{n}, nil
}

// byID is for lists in the order of their ids, which begin with prefix.
func byID(prefix string) cursor {
	return func(_ context.Context, id string) ([]any, error) {
		made, ok := strings.CutPrefix(id, prefix)
		if _, err := ulid.ParseStrict(made); !ok || err != nil || made != strings.ToLower(made) {
			return nil, badAfter(id, "one that begins with "+prefix)
		}
		return []any{id}, nil
	}
}

func badAfter(id, kind string) error {
	words := fmt.Sprintf("after is %q; it must be the id of an entry of this list, %s, as the list gave it", id, kind)
	return &grove.Error{Code: grove.Invalid, Reason: "after", Message: words, Fields: map[string]string{"after": words}}
}

// and narrows the listing; each ? in term stands for the next of args.
func (l *listing) and(term string, args ...any) {
	l.where = append(l.where, l.bind(term, args...))
}

// bind adds args and numbers the ? of term.
func (l *listing) bind(term string, args ...any) string {
	for _, arg := range args {
		l.args = append(l.args, arg)
		term = strings.Replace(term, "?", fmt.Sprintf("$%d", len(l.args)), 1)
	}
	return term
}

// oneOf narrows the listing to rows whose column is among values, if any are given.
func oneOf[T ~string](l *listing, column string, values []T) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = l.bind("?", string(v))
	}
	l.where = append(l.where, column+" IN ("+strings.Join(marks, ", ")+")")
}

func (l *listing) filter() string {
	if len(l.where) == 0 {
		return l.from
	}
	return l.from + " WHERE " + strings.Join(l.where, " AND ")
}

// after leaves out everything up to the entry with this id.
func (l *listing) after(ctx context.Context, id string) error {
	place, err := l.cursor(ctx, id)
	if err != nil {
		return err
	}
	direction := "<"
	if l.oldest {
		direction = ">"
	}
	marks := strings.Repeat(", ?", len(l.keys))[2:]
	l.and("("+strings.Join(l.keys, ", ")+") "+direction+" ("+marks+")", place...)
	return nil
}

func (l *listing) order() string {
	direction := " DESC"
	if l.oldest {
		direction = ""
	}
	return strings.Join(l.keys, direction+", ") + direction
}

// some gives the first entries after the one with this id, uncounted.
func some[T any](ctx context.Context, db *DB, l listing, after string, limit int, scan func(row) (T, error)) ([]T, error) {
	if after != "" {
		if err := l.after(ctx, after); err != nil {
			return nil, err
		}
	}
	query := "SELECT " + l.columns + " FROM " + l.filter() + " ORDER BY " + l.order() + l.bind(" LIMIT ?", limit)
	items, err := all(ctx, db.read, scan, query, l.args...)
	return items, fault("list entries", err)
}

// list answers one page together with the size of the whole.
func list[T any](ctx context.Context, db *DB, l listing, page grove.Page, scan func(row) (T, error)) (grove.List[T], error) {
	skip := max(page.Skip(), 0)
	whole := page.Limit <= 0 && skip == 0 && page.After == ""
	var answer grove.List[T]
	var err error
	if !whole {
		answer.Total, err = one(ctx, db.read, scanned[int], "SELECT count(*) FROM "+l.filter(), l.args...)
		if err != nil {
			return answer, fault("count entries", err)
		}
	}
	if page.After != "" {
		skip = 0
		if err := l.after(ctx, page.After); err != nil {
			return answer, err
		}
	}
	limit := int64(math.MaxInt64)
	if page.Limit > 0 {
		limit = int64(page.Limit) + 1 // one more tells whether there is more
	}
	query := "SELECT " + l.columns + " FROM " + l.filter() + " ORDER BY " + l.order()
	query += l.bind(" LIMIT ? OFFSET ?", limit, skip)
	if answer.Items, err = all(ctx, db.read, scan, query, l.args...); err != nil {
		return answer, fault("list entries", err)
	}
	if page.Limit > 0 && len(answer.Items) > page.Limit {
		answer.Items, answer.More = answer.Items[:page.Limit], true
	}
	if whole {
		answer.Total = len(answer.Items)
	}
	return answer, nil
}
