package bambu

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// fail notes what is wrong and returns the place that means so.
func (d *document) fail(format string, args ...any) int {
	d.fault = fmt.Sprintf(format, args...)
	return -1
}

// unexpected is the fault of a text that does not go on as it must.
func (d *document) unexpected(at int) int {
	if at >= len(d.text) {
		return d.fail("it ends too early")
	}
	return d.fail("unexpected %q at byte %d", d.text[at], at)
}

// space skips white space.
func (d *document) space(at int) int {
	for at < len(d.text) {
		switch d.text[at] {
		case ' ', '\n', '\t', '\r':
			at++
		default:
			return at
		}
	}
	return at
}

// open adds a token that begins at the given place and returns its index.
func (d *document) open(k kind, at int) int {
	d.tokens = append(d.tokens, token{kind: k, start: at})
	return len(d.tokens) - 1
}

// shut ends token i before the given place and returns that place.
func (d *document) shut(i, at int) int {
	d.tokens[i].end, d.tokens[i].next = at, len(d.tokens)
	return at
}

// value reads the value that begins at the given place and returns the place
// after it, or -1.
func (d *document) value(at, depth int) int {
	if at >= len(d.text) {
		return d.unexpected(at)
	}
	if len(d.tokens) >= maxTokens {
		return d.fail("it has more than %d values", maxTokens)
	}
	switch c := d.text[at]; c {
	case '{', '[':
		if depth > maxDepth {
			return d.fail("it is nested more than %d deep", maxDepth)
		}
		if c == '{' {
			return d.object(at, depth)
		}
		return d.array(at, depth)
	case '"':
		i := d.open(stringKind, at)
		if at = d.str(at); at < 0 {
			return at
		}
		return d.shut(i, at)
	case 't':
		return d.literal(at, "true")
	case 'f':
		return d.literal(at, "false")
	case 'n':
		return d.literal(at, "null")
	}
	return d.number(at)
}

func (d *document) literal(at int, word string) int {
	if !bytes.HasPrefix(d.text[at:], []byte(word)) {
		return d.unexpected(at)
	}
	return d.shut(d.open(literalKind, at), at+len(word))
}

func (d *document) object(at, depth int) int {
	i := d.open(objectKind, at)
	at = d.space(at + 1)
	if at < len(d.text) && d.text[at] == '}' {
		return d.shut(i, at+1)
	}
	for members := 1; ; members++ {
		if members > maxMembers {
			return d.fail("an object has more than %d members", maxMembers)
		}
		if at = d.memberName(at, i); at < 0 {
			return at
		}
		if at = d.value(d.space(at), depth+1); at < 0 {
			return at
		}
		if at = d.space(at); at >= len(d.text) {
			return d.unexpected(at)
		}
		switch d.text[at] {
		case ',':
			at = d.space(at + 1)
		case '}':
			return d.shut(i, at+1)
		default:
			return d.unexpected(at)
		}
	}
}

// memberName reads the name of a member of object i, and the colon.
func (d *document) memberName(at, i int) int {
	if at >= len(d.text) || d.text[at] != '"' {
		return d.unexpected(at)
	}
	n := d.open(nameKind, at+1)
	escapes := d.escapes
	end := d.str(at)
	if end < 0 {
		return end
	}
	d.shut(n, end-1)
	if d.escapes > escapes {
		d.decodeName(n)
	}
	if d.strict && d.named(i, n) {
		return d.fail("an object names %q twice", d.name(n))
	}
	if at = d.space(end); at >= len(d.text) || d.text[at] != ':' {
		return d.unexpected(at)
	}
	return at + 1
}

// decodeName replaces the stretch of name n by what its escapes mean.
func (d *document) decodeName(n int) {
	t := &d.tokens[n]
	from := len(d.names)
	// The error only repeats that half a surrogate pair became U+FFFD.
	d.names, _ = jsontext.AppendUnquote(d.names, d.text[t.start-1:t.end+1])
	t.escaped, t.start, t.end = true, from, len(d.names)
}

// named reports whether object i, still being read, has a member of name n's
// text before n.
func (d *document) named(i, n int) bool {
	for j := i + 1; j < n; j = d.tokens[j+1].next {
		if bytes.Equal(d.name(j), d.name(n)) {
			return true
		}
	}
	return false
}

func (d *document) array(at, depth int) int {
	i := d.open(arrayKind, at)
	at = d.space(at + 1)
	if at < len(d.text) && d.text[at] == ']' {
		return d.shut(i, at+1)
	}
	for {
		if at = d.value(at, depth+1); at < 0 {
			return at
		}
		if at = d.space(at); at >= len(d.text) {
			return d.unexpected(at)
		}
		switch d.text[at] {
		case ',':
			at = d.space(at + 1)
		case ']':
			return d.shut(i, at+1)
		default:
			return d.unexpected(at)
		}
	}
}

// str passes over the string that begins at the given place.
func (d *document) str(at int) int {
	for at++; at < len(d.text); at++ {
		switch c := d.text[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			if at = d.escape(at + 1); at < 0 {
				return at
			}
		case c < ' ':
			return d.unexpected(at)
		}
	}
	return d.unexpected(at)
}

// escape passes over what follows a backslash and returns its last place.
func (d *document) escape(at int) int {
	d.escapes++
	if at >= len(d.text) {
		return d.unexpected(at)
	}
	switch d.text[at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at
	case 'u':
		for range 4 {
			if at++; at >= len(d.text) || !isHex(d.text[at]) {
				return d.unexpected(at)
			}
		}
		return at
	}
	return d.unexpected(at)
}

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (d *document) number(at int) int {
	i := d.open(numberKind, at)
	if d.text[at] == '-' {
		at++
	}
	if at < len(d.text) && d.text[at] == '0' {
		at++
	} else if at = d.digits(at); at < 0 {
		return at
	}
	if at < len(d.text) && d.text[at] == '.' {
		if at = d.digits(at + 1); at < 0 {
			return at
		}
	}
	if at < len(d.text) && (d.text[at] == 'e' || d.text[at] == 'E') {
		at++
		if at < len(d.text) && (d.text[at] == '+' || d.text[at] == '-') {
			at++
		}
		if at = d.digits(at); at < 0 {
			return at
		}
	}
	return d.shut(i, at)
}

// digits passes over one digit or more.
func (d *document) digits(at int) int {
	from := at
	for at < len(d.text) && isDigit(d.text[at]) {
		at++
	}
	if at == from {
		return d.unexpected(at)
	}
	return at
}
