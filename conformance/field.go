package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fields says what a client reads of an answer: paths and what must be there. A
// path is keys with dots between; key[] is each entry of a list that must not be
// empty for the step to hold, key[*] of one that may be.
type fields map[string]kind

// with adds fields to others.
func (f fields) with(more fields) fields {
	all := maps.Clone(f)
	maps.Copy(all, more)
	return all
}

// kind is what a value must be.
type kind struct {
	name   string
	fits   func(any) bool
	absent bool // may be missing
}

var (
	text     = kind{name: "a string", fits: func(v any) bool { _, ok := v.(string); return ok }}
	filled   = kind{name: "a string that is not empty", fits: func(v any) bool { s, ok := v.(string); return ok && s != "" }}
	boolean  = kind{name: "true or false", fits: func(v any) bool { _, ok := v.(bool); return ok }}
	yes      = kind{name: "true", fits: func(v any) bool { return v == true }}
	list     = kind{name: "a list", fits: func(v any) bool { _, ok := v.([]any); return ok }}
	object   = kind{name: "an object", fits: func(v any) bool { _, ok := v.(map[string]any); return ok }}
	anything = kind{name: "there", fits: func(any) bool { return true }}
	integer  = kind{name: "an integer", fits: isInteger}
	number   = kind{name: "a number", fits: func(v any) bool { _, ok := v.(json.Number); return ok }}
	decimal  = kind{name: "a string of digits", fits: isDecimal}
	link     = kind{name: "an absolute http URL", fits: isLink}
	clock    = kind{name: `a time like "2026-05-01 10:00:00"`, fits: timeOf(time.DateTime)}
	instant  = kind{name: "a time like 2026-05-01T10:00:00Z", fits: timeOf(time.RFC3339)}
	// accessCode is typed on in fields and headers: a line end would go along.
	accessCode = kind{name: "a string without spaces and line ends", fits: isCode}
	// pair is indexed at 0 and 1.
	pair = kind{name: "a list of two numbers", fits: func(v any) bool {
		l, ok := v.([]any)
		return ok && len(l) == 2 && number.like(l[0]) && number.like(l[1])
	}}
)

// like accepts numbers written as strings, as presets have them.
func (k kind) like(v any) bool {
	s, ok := v.(string)
	if !ok {
		return k.fits(v)
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func isInteger(v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	_, err := strconv.ParseInt(n.String(), 10, 64)
	return err == nil
}

func isDecimal(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

func isLink(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func isCode(v any) bool {
	s, ok := v.(string)
	return ok && !strings.ContainsAny(s, " \t\r\n")
}

func timeOf(layout string) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		_, err := time.Parse(layout, s)
		return err == nil
	}
}

func exactly(want any) kind {
	return kind{name: fmt.Sprintf("%#v", want), fits: func(v any) bool { return v == want }}
}

func oneOf(want ...string) kind {
	return kind{name: "one of " + strings.Join(want, ", "), fits: func(v any) bool {
		s, ok := v.(string)
		return ok && slices.Contains(want, s)
	}}
}

func numbered(want ...string) kind {
	return kind{name: "the number " + strings.Join(want, " or "), fits: func(v any) bool {
		n, ok := v.(json.Number)
		return ok && slices.Contains(want, n.String())
	}}
}

func orNull(k kind) kind {
	return kind{name: k.name + " or null", fits: func(v any) bool { return v == nil || k.fits(v) }, absent: k.absent}
}

func maybe(k kind) kind { k.absent = true; return k }

// verdict is what a look at an answer's fields gave.
type verdict struct {
	problems []string
	empty    []string // lists without an entry, so that nothing could be seen
}

// look holds a decoded answer against the fields.
func (f fields) look(v any) verdict {
	var out verdict
	for _, path := range slices.Sorted(maps.Keys(f)) {
		out.walk(v, path, "", f[path])
	}
	slices.Sort(out.empty)
	out.empty = slices.Compact(out.empty)
	return out
}

// walk follows a path into v; at is where it has come to.
func (o *verdict) walk(v any, path, at string, k kind) {
	key, rest, deeper := strings.Cut(path, ".")
	name, each := strings.CutSuffix(key, "[]")
	mayBeEmpty := false
	if !each {
		name, mayBeEmpty = strings.CutSuffix(key, "[*]")
		each = mayBeEmpty
	}
	here := strings.TrimPrefix(at+"."+name, ".")
	m, ok := v.(map[string]any)
	if !ok {
		o.problems = append(o.problems, strings.TrimPrefix(at+" must be an object", " "))
		return
	}
	inner, there := m[name]
	switch {
	case !there && k.absent:
	case !there:
		o.problems = append(o.problems, fmt.Sprintf("%s must be %s, and is missing", here, k.name))
	case each:
		o.entries(inner, here, mayBeEmpty, func(i int, v any) {
			o.step(v, rest, fmt.Sprintf("%s[%d]", here, i), k, deeper)
		})
	default:
		o.step(inner, rest, here, k, deeper)
	}
}

func (o *verdict) step(v any, rest, at string, k kind, deeper bool) {
	if deeper {
		o.walk(v, rest, at, k)
	} else if !k.fits(v) {
		o.problems = append(o.problems, fmt.Sprintf("%s must be %s, and is %s", at, k.name, shown(v)))
	}
}

func (o *verdict) entries(v any, at string, mayBeEmpty bool, each func(int, any)) {
	l, ok := v.([]any)
	if !ok {
		o.problems = append(o.problems, fmt.Sprintf("%s must be a list, and is %s", at, shown(v)))
		return
	}
	if len(l) == 0 && !mayBeEmpty {
		o.empty = append(o.empty, at)
	}
	for i, one := range l {
		each(i, one)
	}
}

// shown is a value in short. Strings may be secrets, so only their kind is told.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if v == "" {
			return `""`
		}
		return "a string"
	case map[string]any:
		return "an object"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	return fmt.Sprint(v)
}

// valueAt gives the value at a plain path, nil if there is none.
func valueAt(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// str gives a string or a number at a path as a string.
func str(v any, path string) string {
	switch v := valueAt(v, path).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// each gives the objects of a list.
func each(v any, path string) []map[string]any {
	l, _ := valueAt(v, path).([]any)
	var all []map[string]any
	for _, one := range l {
		if m, ok := one.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}
