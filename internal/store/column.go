package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// millis is how a time is stored: milliseconds since 1970, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis is the stored time in UTC.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// asStored is the time as it will be read back.
func asStored(t time.Time) time.Time { return fromMillis(millis(t)) }

// instant reads a stored time into t.
type instant struct{ t *time.Time }

// Scan takes milliseconds or NULL.
func (i instant) Scan(src any) error {
	switch ms := src.(type) {
	case nil:
		*i.t = time.Time{}
	case int64:
		*i.t = fromMillis(ms)
	default:
		return fmt.Errorf("read time: got a %T", src)
	}
	return nil
}

// document reads a JSON text into v.
type document struct{ v any }

// Scan takes text.
func (d document) Scan(src any) error {
	switch text := src.(type) {
	case string:
		return json.Unmarshal([]byte(text), d.v)
	case []byte:
		return json.Unmarshal(text, d.v)
	}
	return fmt.Errorf("read JSON: got a %T", src)
}

// toJSON is v as the text of a column.
func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	return string(b), nil
}
