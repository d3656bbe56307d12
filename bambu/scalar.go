package bambu

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// words is a scalar's text without quotes and escapes; "" for nil, null and
// containers.
func (n *node) words() string {
	if n == nil || n.kind == literalKind && string(n.text) == "null" {
		return ""
	}
	return plainWords(n.text)
}

// upTo reads a word or a name of at most limit bytes. What printers say is stored
// and told on; real ones never say more.
func (n *node) upTo(limit int) string { return cut(n.words(), limit) }

// cut gives the beginning of s, on its own memory if that is shorter.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.Clone(s[:limit])
}

// number reads a number, or a number in a string; 0 if it is neither.
func (n *node) number() float64 {
	if n == nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(bare(n.text)), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// integer reads a whole number as number does; fractions are cut off.
func (n *node) integer() int { return n.integerOr(0) }

// integerOr reads a whole number, or gives other if there is none.
func (n *node) integerOr(other int) int {
	if n == nil {
		return other
	}
	text := string(bare(n.text))
	if i, err := strconv.Atoi(text); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(f) < math.MaxInt32) {
		return other
	}
	return int(f)
}

// place reads the id of a unit or a tray; -1 when it is no whole number.
func (n *node) place() int {
	if n == nil {
		return -1
	}
	i, err := strconv.Atoi(string(bare(n.text)))
	if err != nil {
		return -1
	}
	return i
}

// hex reads a string of hex digits without 0x, up to 64 bits; 0 if it is none.
func (n *node) hex() uint64 {
	if n == nil {
		return 0
	}
	bits, err := strconv.ParseUint(string(bare(n.text)), 16, 64)
	if err != nil {
		return 0
	}
	return bits
}

// bits32 reads the low 32 bits of a whole number; 0 if it is none.
func (n *node) bits32() uint32 {
	if n == nil {
		return 0
	}
	return bits32(n.text)
}

func bits32(raw []byte) uint32 {
	i, err := strconv.ParseInt(string(bare(raw)), 10, 64)
	if err != nil {
		return 0
	}
	return uint32(i & math.MaxUint32)
}

// currentTemperature reads the low half of a packed temperature in °C, of which
// the high half is the target (BambuStudio).
func currentTemperature(packed int) float64 { return float64(packed & 0xFFFF) }

func targetTemperature(packed int) float64 { return float64(packed >> 16 & 0xFFFF) }
