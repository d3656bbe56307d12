package printfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// line is one line of G-code, taken apart. It lives until the next one is read.
type line struct {
	letter  byte   // G, M or T, upper case; 0 for a line that is no command
	code    int    // 104 of M104
	sub     bool   // M104.1
	args    []byte // what follows the command, without the comment
	comment []byte // what follows the first semicolon, trimmed
}

// script reads G-code line by line in bounded memory. What exceeds maxLine of a
// line is skipped: only embedded presets are that long.
type script struct {
	r      *bufio.Reader
	number int // of the line read last, from 1
}

func newScript(r io.Reader) *script { return &script{r: bufio.NewReaderSize(r, maxLine)} }

// next reads a line; the error is io.EOF after the last.
func (s *script) next() (line, error) {
	raw, err := s.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		raw = bytes.Clone(raw)
		err = s.skipLine()
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(raw) == 0) {
		return line{}, err
	}
	s.number++
	return parseLine(raw), nil
}

func (s *script) skipLine() error {
	for {
		_, err := s.r.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func parseLine(raw []byte) line {
	raw = skipSpace(raw)
	if len(raw) > 0 && raw[0] == ';' {
		return line{comment: bytes.TrimSpace(raw[1:])}
	}
	raw = skipLineNumber(raw)
	if len(raw) < 2 || raw[1] < '0' || raw[1] > '9' {
		return line{}
	}
	l := line{letter: upper(raw[0])}
	if l.letter != 'G' && l.letter != 'M' && l.letter != 'T' {
		return line{}
	}
	l.code, raw = digits(raw[1:])
	if len(raw) > 1 && raw[0] == '.' {
		l.sub = true
		_, raw = digits(raw[1:])
	}
	l.args = raw
	if i := bytes.IndexByte(raw, ';'); i >= 0 {
		l.args, l.comment = raw[:i], bytes.TrimSpace(raw[i+1:])
	}
	return l
}

// is reports whether the line is this very command.
func (l line) is(letter byte, code int) bool {
	return l.letter == letter && l.code == code && !l.sub
}

// highest is the largest value that the line gives for any of these letters.
func (l line) highest(letters string) (value float64, ok bool) {
	for rest := skipSpace(l.args); len(rest) > 0; rest = skipSpace(rest) {
		letter := upper(rest[0])
		v, after, isNumber := number(rest[1:])
		if isNumber && bytes.IndexByte([]byte(letters), letter) >= 0 {
			value, ok = max(value, v), true
		}
		rest = after
	}
	return value, ok
}

// skipLineNumber drops N123 from the front.
func skipLineNumber(raw []byte) []byte {
	if len(raw) < 2 || upper(raw[0]) != 'N' || raw[1] < '0' || raw[1] > '9' {
		return raw
	}
	_, raw = digits(raw[1:])
	return skipSpace(raw)
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// digits reads a whole number that stops growing at maxValue.
func digits(b []byte) (n int, rest []byte) {
	for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
		n = min(n*10+int(b[0]-'0'), maxValue)
		b = b[1:]
	}
	return n, b
}

// number reads a number with sign and fraction; without one, rest is b.
func number(b []byte) (value float64, rest []byte, ok bool) {
	sign, rest := 1.0, b
	if len(rest) > 0 && (rest[0] == '-' || rest[0] == '+') {
		if rest[0] == '-' {
			sign = -1
		}
		rest = rest[1:]
	}
	n, fraction := digits(rest)
	ok = len(fraction) < len(rest)
	value, rest = float64(n), fraction
	if len(rest) > 0 && rest[0] == '.' {
		scale := 0.1
		for rest = rest[1:]; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
			value += scale * float64(rest[0]-'0')
			scale /= 10
			ok = true
		}
	}
	if !ok {
		return 0, b, false
	}
	return sign * value, rest, true
}
