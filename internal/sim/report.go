package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// field is one member of the print object, or of an object in it. fixed is its
// text when it never changes, otherwise say appends it.
type field struct {
	in    string // the object it is in: "" print itself, or "device"
	key   string
	fixed string
	quiet bool // its change alone is no reason to report
	say   func(m *machine, b []byte) []byte
}

// value is what a field said last.
type value struct {
	text    []byte
	changed bool // since the last report
}

// report is what the printer says of itself, in its model's own set of fields. A
// printer that sends only what changed sends whole top-level values.
type report struct {
	fields   []field // those of one object are next to each other
	values   []value
	sequence int
	scratch  []byte
	size     int // of the last full report
	full     bool
	bare     bool // its full reports carry no msg
}

func newReport(m *machine) *report {
	fields := fieldsOf(m)
	r := &report{fields: fields, values: make([]value, len(fields)), sequence: 1000 + m.rng.IntN(20000), full: m.model.Full, bare: m.looks.bareFull}
	for i, f := range fields {
		r.values[i].text = []byte(f.fixed)
	}
	m.heat.sense(m)
	r.refresh(m)
	return r
}

// refresh asks every field what it says now.
func (r *report) refresh(m *machine) {
	for i := range r.fields {
		if r.fields[i].say == nil {
			continue
		}
		r.scratch = r.fields[i].say(m, r.scratch[:0])
		v := &r.values[i]
		if bytes.Equal(v.text, r.scratch) {
			continue
		}
		v.text = append(v.text[:0], r.scratch...)
		v.changed = !r.fields[i].quiet
	}
}

// everything is a full report, msg 0 where the model has that.
func (r *report) everything(m *machine) []byte {
	r.refresh(m)
	return r.whole()
}

// whole writes every field as it was when last asked.
func (r *report) whole() []byte {
	b := r.write(make([]byte, 0, r.size+64), 0, func(int) bool { return true })
	r.size = len(b)
	return b
}

// periodic is the report at the end of a tick: everything, or what changed since;
// nothing when nothing did.
func (r *report) periodic() []byte {
	if r.full {
		return r.whole()
	}
	for i := range r.values {
		if r.values[i].changed {
			return r.write(make([]byte, 0, 256), 1, func(i int) bool { return r.values[i].changed })
		}
	}
	return nil
}

// hello is the one report after connecting: that the printer is there.
func (r *report) hello(m *machine) []byte {
	r.refresh(m)
	return r.write(make([]byte, 0, 256), 1, func(i int) bool {
		return r.fields[i].key == "online" || r.fields[i].key == "wifi_signal"
	})
}

// write puts the chosen fields into one message; they are no longer changed.
func (r *report) write(b []byte, msg int, chosen func(int) bool) []byte {
	b = append(b, `{"print":{`...)
	in := ""
	for i, f := range r.fields {
		if !chosen(i) {
			continue
		}
		if f.in != in {
			b = leave(b, in)
			if in = f.in; in != "" {
				b = append(b, '"')
				b = append(b, in...)
				b = append(b, `":{`...)
			}
		}
		b = append(b, '"')
		b = append(b, f.key...)
		b = append(b, `":`...)
		b = append(b, r.values[i].text...)
		b = append(b, ',')
		r.values[i].changed = false
	}
	b = leave(b, in)
	r.sequence++
	if msg > 0 || !r.bare {
		b = fmt.Appendf(b, `"msg":%d,`, msg)
	}
	return fmt.Appendf(b, `"command":"push_status","sequence_id":"%d"}}`, r.sequence)
}

// leave closes the object that fields were in.
func leave(b []byte, in string) []byte {
	if in == "" {
		return b
	}
	b[len(b)-1] = '}' // in place of the comma after its last member
	return append(b, ',')
}

// text, number, celsius and so on turn a reading into a field.

func text(key string, read func(m *machine) string) field {
	return field{key: key, say: func(m *machine, b []byte) []byte { return appendText(b, read(m)) }}
}

func number(key string, read func(m *machine) int64) field {
	return field{key: key, say: func(m *machine, b []byte) []byte { return strconv.AppendInt(b, read(m), 10) }}
}

// numeral is a number that printers put into a string.
func numeral(key string, read func(m *machine) int64) field {
	return field{key: key, say: func(m *machine, b []byte) []byte {
		return append(strconv.AppendInt(append(b, '"'), read(m), 10), '"')
	}}
}

// word is flags that printers put into a string of hex digits.
func word(key string, read func(m *machine) uint64) field {
	return field{key: key, say: func(m *machine, b []byte) []byte {
		return fmt.Appendf(b, `"%X"`, read(m))
	}}
}

func celsius(key string, read func(m *machine) float64) field {
	return field{key: key, say: func(m *machine, b []byte) []byte { return strconv.AppendFloat(b, read(m), 'f', -1, 64) }}
}

func fixed(key, text string) field { return field{key: key, fixed: text} }

// within puts fields into an object of the print object.
func within(object string, fields ...field) []field {
	for i := range fields {
		fields[i].in = object
	}
	return fields
}

// appendText writes s as a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string always encodes
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendInts writes a list of numbers.
func appendInts(b []byte, list []int) []byte {
	b = append(b, '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}
