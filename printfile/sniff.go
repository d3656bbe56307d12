package printfile

import (
	"bytes"
	"encoding/binary"

	"github.com/grovecloud/grove"
)

// SniffBytes is how many of a file's first bytes [Sniff] wants to see; of a smaller
// file, all.
const SniffBytes = 4096

// An STL's binary form is a header of 80 bytes, the number of triangles and 50 bytes each.
const (
	stlHeader   = 84
	stlTriangle = 50
)

// Sniff checks that a file's first bytes, and its size, fit the kind. With fewer
// than [SniffBytes] of a longer file it may refuse a sound STL. The error is
// grove.Invalid with words for the uploader.
func Sniff(kind string, head []byte, size int64) error {
	switch kind {
	case Kind3MF:
		return expect(bytes.HasPrefix(head, []byte("PK\x03\x04")), "The name says 3MF, but the content is no ZIP archive")
	case KindGcode:
		return expect(looksLikeGcode(head), "The name says G-code, but the content is not text with G-code lines")
	case KindSTL:
		return expect(looksLikeSTL(head, size), "The name says STL, but the content is neither an ASCII nor a binary STL")
	case KindSTEP:
		return expect(bytes.HasPrefix(text(head), []byte("ISO-10303-21;")), "The name says STEP, but the content does not begin with ISO-10303-21")
	}
	return grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "%q is not a kind of print file; the kinds are 3mf, gcode, stl and step", kind)
}

func expect(ok bool, words string) error {
	if ok {
		return nil
	}
	return grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "%s: export the file again and check that it was not renamed or cut short.", words)
}

// text is head without a byte order mark and leading white space.
func text(head []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// looksLikeGcode reports whether head is text whose first line is G-code.
func looksLikeGcode(head []byte) bool {
	if bytes.ContainsFunc(head, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\r' && r != '\n' && r != '\f'
	}) {
		return false
	}
	first, _, _ := bytes.Cut(text(head), []byte("\n"))
	if len(first) == 0 {
		return false
	}
	switch first[0] {
	case ';', '(', '%':
		return true
	}
	return parseLine(first).letter != 0
}

func looksLikeSTL(head []byte, size int64) bool {
	if len(head) >= stlHeader && size >= stlHeader {
		triangles := int64(binary.LittleEndian.Uint32(head[80:stlHeader]))
		if size == stlHeader+stlTriangle*triangles {
			return true
		}
	}
	body := text(head)
	return bytes.HasPrefix(body, []byte("solid")) && bytes.Contains(body, []byte("facet")) && !bytes.ContainsRune(body, 0)
}
