package broker

import (
	"bytes"
	"strings"
)

// indented is how the holders of an access code get a report: with four spaces a
// level, as printers write on their own network, since slicers have refused compact
// ones (bambuddy). It only moves white space; strings and the text of numbers stay.
// What is no object, is so already, or would grow out of all proportion stays as it is.
func indented(payload []byte) []byte {
	if !bytes.HasPrefix(payload, []byte("{")) || bytes.HasPrefix(payload, []byte("{\n    \"")) {
		return payload
	}
	w := indenter{out: make([]byte, 0, 3*len(payload)), most: 16*len(payload) + 1024}
	for rest := payload; len(rest) > 0; {
		n := w.take(rest)
		if n == 0 || len(w.out) > w.most {
			return payload
		}
		rest = rest[n:]
	}
	if w.depth != 0 {
		return payload
	}
	return w.out
}

// indenter writes JSON anew. most bounds what deep nesting can make of a message.
type indenter struct {
	out   []byte
	most  int
	depth int
	open  bool // an object or array has just begun
}

// deepest is more than printers nest: six levels were captured.
const deepest = 64

// take writes what rest begins with and says how long that was, 0 if it can't be.
func (w *indenter) take(rest []byte) int {
	switch c := rest[0]; c {
	case ' ', '\t', '\r', '\n':
		return 1
	case '}', ']':
		if w.depth--; w.depth < 0 {
			return 0
		}
		if !w.open {
			w.line()
		}
		w.open = false
		w.out = append(w.out, c)
		return 1
	case ',':
		w.out = append(w.out, c)
		w.line()
		return 1
	case ':':
		w.out = append(w.out, ':', ' ')
		return 1
	}
	if w.open {
		w.line()
		w.open = false
	}
	switch c := rest[0]; c {
	case '{', '[':
		w.depth, w.open = w.depth+1, true
		w.out = append(w.out, c)
		if w.depth > deepest {
			return 0
		}
		return 1
	case '"':
		n := text(rest)
		w.out = append(w.out, rest[:n]...)
		return n
	}
	n := 1
	for n < len(rest) && !ends(rest[n]) {
		n++
	}
	w.out = append(w.out, rest[:n]...)
	return n
}

// ends reports whether a number or word is over before this byte.
func ends(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ':' || c <= ' '
}

// line begins the next line.
func (w *indenter) line() {
	w.out = append(w.out, margin[:1+4*w.depth]...)
}

var margin = "\n" + strings.Repeat(" ", 4*deepest)

// text is the length of the string that b begins with, quotes included; 0 if it does
// not end.
func text(b []byte) int {
	for at := 1; at < len(b); at++ {
		switch b[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return 0
}
