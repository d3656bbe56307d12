package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"unicode/utf8"
)

// conn is where a statement runs: a pool or a transaction.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// row is one row of an answer.
type row interface{ Scan(into ...any) error }

// exec runs a statement and says how many rows it touched.
func exec(ctx context.Context, c conn, query string, args ...any) (int64, error) {
	result, err := c.ExecContext(ctx, query, storable(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one reads a single row, or fails with sql.ErrNoRows.
func one[T any](ctx context.Context, c conn, scan func(row) (T, error), query string, args ...any) (T, error) {
	return scan(c.QueryRowContext(ctx, query, storable(args)...))
}

// all reads every row.
func all[T any](ctx context.Context, c conn, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := c.QueryContext(ctx, query, storable(args)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has told all there is
	var items []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

// storable replaces what PostgreSQL takes in no text: NUL and broken UTF-8.
// Printers and webhook servers may send either, and both engines keep the same.
func storable(args []any) []any {
	for i, arg := range args {
		text, ok := arg.(string)
		if ok && (!utf8.ValidString(text) || strings.Contains(text, "\x00")) {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}

// insertInto is the statement that adds a row of these columns.
func insertInto(table, columns string) string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, columns, placeholders(columns))
}

// assign is the SET list that writes these columns from $1 on.
func assign(columns string) string {
	return fmt.Sprintf("(%s) = (%s)", columns, placeholders(columns))
}

func placeholders(columns string) string {
	var b strings.Builder
	for i := range strings.Count(columns, ",") + 1 {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	return b.String()
}

// scanned reads a row of one column.
func scanned[T any](r row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}
