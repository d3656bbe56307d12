package printfile

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// plain makes a name from a file fit to be kept: valid UTF-8 of at most maxText
// runes, without control characters. It stays text; nothing in it is markup.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(head(s), ""))
	s = strings.TrimSpace(s)
	n := 0
	for i := range s {
		if n++; n > maxText {
			return s[:i]
		}
	}
	return s
}

// head keeps plain's work bounded: no more bytes than maxText runes and some to trim.
func head(s string) string { return s[:min(len(s), 8*maxText)] }

// color turns #RRGGBB or #RRGGBBAA into RRGGBBAA, as printers want it; anything
// else is no colour.
func color(s string) string {
	s = strings.ToUpper(strings.TrimPrefix(strings.TrimSpace(s), "#"))
	if len(s) != 6 && len(s) != 8 || strings.Trim(s, "0123456789ABCDEF") != "" {
		return ""
	}
	if len(s) == 6 {
		s += "FF"
	}
	return s
}

// quantity reads a number that can't be negative or endless; anything else is 0.
func quantity(s string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(v > 0) || v > maxValue {
		return 0
	}
	return v
}

// whole is quantity, rounded up.
func whole(s string) int { return int(math.Ceil(quantity(s))) }

// seconds reads a slicer's duration, such as 1d 2h 3m 4s.
func seconds(s string) int {
	total := 0
	for part := range strings.FieldsSeq(s) {
		unit := map[byte]int{'d': 86400, 'h': 3600, 'm': 60, 's': 1}[part[len(part)-1]]
		n, err := strconv.ParseUint(part[:len(part)-1], 10, 16)
		if unit == 0 || err != nil {
			return total
		}
		total += int(n) * unit
	}
	return total
}

// list splits the values of a setting, of which there is one per filament.
func list(s, separator string) []string {
	values := strings.SplitN(s, separator, maxList+1)
	values = values[:min(len(values), maxList)]
	for i, v := range values {
		values[i] = strings.Trim(strings.TrimSpace(v), `"`)
	}
	return values
}

// quantities splits numbers.
func quantities(s string) []float64 {
	values := list(s, ",")
	numbers := make([]float64, len(values))
	for i, v := range values {
		numbers[i] = quantity(v)
	}
	return numbers
}

// at is the value at index i, or the zero value.
func at[T any](values []T, i int) (v T) {
	if i >= 0 && i < len(values) {
		return values[i]
	}
	return v
}

// modelCode is the code of the printer that a preset names, as in
// BambuStudio's resources/printers; empty when unknown.
func modelCode(preset string) string {
	name := strings.ToUpper(strings.TrimPrefix(strings.TrimSpace(preset), "Bambu Lab "))
	switch name {
	case "X1 CARBON":
		return "BL-P001"
	case "X1":
		return "BL-P002"
	case "X1E":
		return "C13"
	case "P1P":
		return "C11"
	case "P1S":
		return "C12"
	case "P2S":
		return "N7"
	case "A1":
		return "N2S"
	case "A1 MINI":
		return "N1"
	case "A2L":
		return "N9"
	case "X2D":
		return "N6"
	case "H2D":
		return "O1D"
	case "H2D PRO":
		return "O1E"
	case "H2C":
		return "O1C"
	case "H2S":
		return "O1S"
	}
	return ""
}
