package cloudapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Int is an integer that some clients send as a number and some as a decimal
// string. It is always written as a number; null and "" read as 0.
type Int int64

// UnmarshalJSON reads 12, "12", "" and null.
func (n *Int) UnmarshalJSON(b []byte) error {
	text := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return fmt.Errorf("read number: %w", err)
		}
	}
	if text == "" || text == "null" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return &json.UnmarshalTypeError{Value: "text", Type: reflect.TypeFor[int64]()}
	}
	*n = Int(v)
	return nil
}

// TimeLayout is how iot-service writes times: UTC, seconds, no zone. The services
// of users and designs write RFC 3339.
const TimeLayout = "2006-01-02 15:04:05"

// FormatTime writes t as iot-service does; no time is no text.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(TimeLayout)
}

// ParseTime reads a time in either of the two forms; "" is the zero time.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(TimeLayout, s, time.UTC); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time: %w", err)
	}
	return t.UTC(), nil
}
