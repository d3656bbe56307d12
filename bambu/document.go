package bambu

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/grovecloud/grove"
)

// Bounds of what is read. The largest report captured from a printer has 14 KiB,
// 98 members and six levels.
const (
	maxRequestBytes = 64 << 10
	maxReportBytes  = 256 << 10
	maxDepth        = 32
	maxMembers      = 1024   // of one object, since names are compared one by one
	maxTokens       = 32_000 // names and values of one document
)

// A kind is what a token of a document is.
type kind uint8

const (
	noKind kind = iota
	objectKind
	arrayKind
	stringKind
	numberKind
	literalKind // true, false, null
	nameKind    // the name of an object's member; its value follows
)

// A token is a value or a member's name, as a stretch of the document.
type token struct {
	kind       kind
	escaped    bool // a name written with escapes: its text lies in document.names
	start, end int  // of the value; of a name, without its quotes
	next       int  // index of the token after this value and all within it
}

// A document is one JSON text taken apart: a flat list of tokens that point into
// the text, checked once and then walked without looking at the text again.
// Printers send small texts often, so this costs no allocation for each value.
type document struct {
	text    []byte
	names   []byte // decoded names that were written with escapes
	tokens  []token
	escapes int  // in strings so far
	strict  bool // refuse an object that names a member twice
	fault   string
}

// documents keeps the token lists of finished documents for the next one.
var documents = sync.Pool{New: func() any { return &document{tokens: make([]token, 0, 256)} }}

// readDocument takes text apart. It strips trailing NULs, which slicers send,
// and puts U+FFFD for bytes that are not UTF-8, which the A1 mini sends. The
// document points into text until it is closed. A strict document has no
// object with two members of one name.
func readDocument(text []byte, limit int, strict bool) (*document, error) {
	text = bytes.TrimRight(text, "\x00")
	if len(text) > limit {
		return nil, grove.Errorf(grove.TooLarge, "message_too_large", "the message has %d bytes, more than the %d that are read", len(text), limit)
	}
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	d, ok := documents.Get().(*document)
	if !ok {
		d = new(document)
	}
	d.text, d.strict = text, strict
	at := d.value(d.space(0), 1)
	if at >= 0 {
		if at = d.space(at); at == len(text) {
			return d, nil
		}
		d.fault = "there is more after its end"
	}
	fault := d.fault
	d.close()
	return nil, grove.Errorf(grove.Invalid, "malformed_json", "the message cannot be read as JSON: %s", fault)
}

// close gives the document back; its tokens must not be used any more.
func (d *document) close() {
	*d = document{tokens: d.tokens[:0], names: d.names[:0]}
	documents.Put(d)
}

// name is the decoded text of name token i.
func (d *document) name(i int) []byte {
	t := &d.tokens[i]
	if t.escaped {
		return d.names[t.start:t.end]
	}
	return d.text[t.start:t.end]
}

// raw is the JSON text of value token i.
func (d *document) raw(i int) []byte {
	t := &d.tokens[i]
	return d.text[t.start:t.end]
}

// after is the index behind value i and all within it; the members of object i
// are the pairs of tokens from i+1, the name first, up to after(i).
func (d *document) after(i int) int { return d.tokens[i].next }

// member finds the value of a member of object i, the last one if there are
// several of that name, or -1.
func (d *document) member(i int, name string) int {
	if i < 0 || d.tokens[i].kind != objectKind {
		return -1
	}
	found := -1
	for j := i + 1; j < d.after(i); j = d.after(j + 1) {
		if string(d.name(j)) == name {
			found = j + 1
		}
	}
	return found
}

// members counts the members of object i.
func (d *document) members(i int) int {
	n := 0
	for j := i + 1; j < d.after(i); j = d.after(j + 1) {
		n++
	}
	return n
}

// elements counts the elements of array i.
func (d *document) elements(i int) int {
	n := 0
	for j := i + 1; j < d.after(i); j = d.after(j) {
		n++
	}
	return n
}

// words is the text of a string, number or literal without quotes and escapes;
// "" for i < 0 and for objects and arrays.
func (d *document) words(i int) string {
	if i < 0 {
		return ""
	}
	switch d.tokens[i].kind {
	case stringKind, numberKind, literalKind:
		return plainWords(d.raw(i))
	case noKind, objectKind, arrayKind, nameKind:
	}
	return ""
}

// plainWords is the text of a scalar without quotes and escapes.
func plainWords(raw []byte) string {
	if len(raw) == 0 || raw[0] != '"' {
		return string(raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	// The error only repeats that half a surrogate pair became U+FFFD.
	plain, _ := jsontext.AppendUnquote(nil, raw)
	return string(plain)
}

// appendQuoted appends s as a JSON string.
func appendQuoted[T ~string | ~[]byte](b []byte, s T) []byte {
	// The error only repeats that bytes that are not UTF-8 became U+FFFD.
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
