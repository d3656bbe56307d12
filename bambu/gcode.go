package bambu

import (
	"iter"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// A heater is what a heating G-code sets, and how hot it may get.
type heater struct {
	what string
	max  func(Model) int
}

var (
	nozzleHeater  = heater{"nozzle", func(m Model) int { return m.NozzleMax }}
	bedHeater     = heater{"bed", func(m Model) int { return m.BedMax }}
	chamberHeater = heater{"chamber", func(m Model) int { return m.ChamberMax }}
)

// heaters are the codes that heat, and those that heat and wait.
var heaters = map[int][]heater{
	104: {nozzleHeater}, 109: {nozzleHeater},
	140: {bedHeater}, 190: {bedHeater},
	141: {chamberHeater}, 191: {chamberHeater},
	303: {nozzleHeater, bedHeater}, // autotune heats whichever its E names
}

// starting are the codes that begin, go on with or change a print from the
// printer's storage: select, start, write, end writing, delete, select and start
// (Marlin's M23, M24, M28, M29, M30, M32; that printers heed them all is not known).
// A start has one way only, as a job.
var starting = map[int]bool{23: true, 24: true, 28: true, 29: true, 30: true, 32: true}

func gcodeError(reason, format string, args ...any) *grove.Error {
	return grove.Errorf(grove.Invalid, reason, format, args...)
}

// checkGcode refuses G-code that starts a print or heats beyond the model's
// limits. What the printer's own parser makes of a doubtful line is not known, so
// on a line with a heating code each number counts as a target, wherever it
// stands, for each such code; only N, M and T can't be one.
func checkGcode(m Model, r Request) error {
	code, err := r.text("param")
	if err != nil {
		return err
	}
	if strings.ContainsFunc(code, doubtful) {
		return gcodeError("bad_param", "the G-code has a control character that printers may read in different ways; send plain text lines")
	}
	for line := range strings.FieldsFuncSeq(code, lineEnd) {
		line, _, _ = strings.Cut(line, ";")
		if err := checkLine(m, line); err != nil {
			return err
		}
	}
	return nil
}

// lineEnd reports whether a character ends a line.
func lineEnd(r rune) bool { return r == '\n' || r == '\r' }

// doubtful reports whether one parser may take a character for the end of a
// line and another for space: a target behind it might heat unseen.
func doubtful(r rune) bool {
	return r < ' ' && r != '\t' && !lineEnd(r) || r == '\u007f' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// checkLine checks one line without its comment.
func checkLine(m Model, line string) error {
	if split(line) {
		return gcodeError("bad_param", "the G-code line %q has space inside a number, which printers may read in different ways", excerpt([]byte(strings.TrimSpace(line))))
	}
	var heating []heater
	for number := range numbers(line, 'm') {
		code := codeNumber(number)
		if starting[code] {
			return gcodeError("starts_print", "the G-code line %q starts or changes a print on the printer's storage; print a file as a job instead", excerpt([]byte(strings.TrimSpace(line))))
		}
		heating = append(heating, heaters[code]...)
	}
	for _, h := range heating {
		for letter := byte('a'); letter <= 'z'; letter++ {
			if noTarget(letter) {
				continue
			}
			for number, rest := range numbers(line, letter) {
				if err := h.check(m, number, rest, line); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// warmsByGcode reports whether some line heats: it has a heating code and a number
// above 0 that may be its target.
func warmsByGcode(code string) bool {
	for line := range strings.FieldsFuncSeq(code, lineEnd) {
		line, _, _ = strings.Cut(line, ";")
		if heatsBy(line) && asksAbove(line, 0) {
			return true
		}
	}
	return false
}

func heatsBy(line string) bool {
	for number := range numbers(line, 'm') {
		if len(heaters[codeNumber(number)]) > 0 {
			return true
		}
	}
	return false
}

// asksAbove reports whether some number that may be a target is above limit.
func asksAbove(line string, limit float64) bool {
	for letter := byte('a'); letter <= 'z'; letter++ {
		if noTarget(letter) {
			continue
		}
		for number := range numbers(line, letter) {
			if n, err := strconv.ParseFloat(number, 64); err == nil && n > limit {
				return true
			}
		}
	}
	return false
}

// noTarget names the letters whose number is never a temperature.
func noTarget(letter byte) bool { return letter == 'n' || letter == 'm' || letter == 't' }

// split reports whether there is space between two digits or a digit and its
// point: some parsers drop it and read one number. A message to people (M117) is
// no number.
func split(line string) bool {
	if message(line) {
		return false
	}
	gap, digit := false, false
	for i := range len(line) {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			gap = digit
		case isDigit(c) || c == '.':
			if gap {
				return true
			}
			digit = true
		default:
			gap, digit = false, false
		}
	}
	return false
}

// message reports whether all behind the code is text: M117 and M118.
func message(line string) bool {
	code, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	return (strings.EqualFold(code, "M117") || strings.EqualFold(code, "M118")) && !strings.ContainsAny(rest, "Mm")
}

// numbers are the numbers behind a letter, each with what follows it. Between
// letter and number there may be space, between words none.
func numbers(line string, letter byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range len(line) {
			if line[i]|0x20 != letter {
				continue
			}
			value := strings.TrimLeft(line[i+1:], " \t")
			number := leadingNumber(value)
			if !yield(number, value[len(number):]) {
				return
			}
		}
	}
}

// leadingNumber is the number that s begins with, as it is written.
func leadingNumber(s string) string {
	end := 0
	for end < len(s) && (isDigit(s[end]) || s[end] == '.' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	return s[:end]
}

// codeNumber is the number of a code: 104 for "104", "0104" and "104.0"; -1 if
// it is none.
func codeNumber(number string) int {
	whole, _, _ := strings.Cut(number, ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return -1
	}
	return n
}

// check refuses a target that is not a plain number or too hot. What follows the
// number must not change it, as an exponent or a hexadecimal x would.
func (h heater) check(m Model, number, rest, line string) error {
	target, err := strconv.ParseFloat(number, 64)
	if err != nil || rest != "" && !strings.ContainsRune(" \t*(", rune(rest[0])) {
		return gcodeError("bad_param", "the target in the G-code line %q is not a plain number", excerpt([]byte(strings.TrimSpace(line))))
	}
	line = excerpt([]byte(strings.TrimSpace(line)))
	limit := h.max(m)
	if target >= 0 && target <= float64(limit) {
		return nil
	}
	if limit == 0 {
		return gcodeError("unsupported", "the G-code line %q heats the %s, and the %s has no heater there", line, h.what, m.Name)
	}
	return gcodeError("out_of_range", "the G-code line %q is out of range for the %s: 0 to %d °C", line, h.what, limit)
}
