package bambu

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/grovecloud/grove"
)

func outOfRange(format string, args ...any) *grove.Error {
	return grove.Errorf(grove.Invalid, "out_of_range", format, args...)
}

func unsupported(m Model, what string) *grove.Error {
	return grove.Errorf(grove.Invalid, "unsupported", "the %s has no %s", m.Name, what)
}

func badParam(format string, args ...any) *grove.Error {
	return grove.Errorf(grove.Invalid, "bad_param", format, args...)
}

// integer reads a member that must be a whole number, written as a number or as
// digits in a string: no fraction, exponent, space or plus.
func (r Request) integer(member string) (int, error) {
	raw, ok := r.Fields[member]
	if !ok {
		return 0, badParam("%s needs %s, a whole number", r.Command, member)
	}
	n, ok := wholeNumber(raw)
	if !ok {
		return 0, badParam("%s of %s must be a whole number, not %s", member, r.Command, excerpt(raw))
	}
	return n, nil
}

// wholeNumber reads up to nine digits, quoted or not, and a minus if it makes
// the number negative.
func wholeNumber(raw []byte) (int, bool) {
	text := bare(raw)
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
	}
	n, err := strconv.Atoi(string(text))
	return n, err == nil && (n < 0 || text[0] != '-')
}

// excerpt shortens a foreign value for a message.
func excerpt(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return string(raw[:most]) + "…"
}

// within reads a whole number and refuses it outside of low to high.
func (r Request) within(member string, low, high int, unit string) (int, error) {
	n, err := r.integer(member)
	if err != nil {
		return 0, err
	}
	if n < low || n > high {
		return 0, outOfRange("%s %d%s is out of range: %d to %d%s", r.Command, n, unit, low, high, unit)
	}
	return n, nil
}

// param reads the value of a documented command.
func (r Request) param(low, high int, unit string) (int, error) {
	return r.within("param", low, high, unit)
}

const (
	celsius   = " °C"
	percents  = " %"
	noneOfIts = ""
)

func checkNozzle(m Model, r Request) error {
	_, err := r.param(0, m.NozzleMax, celsius)
	return err
}

func checkBed(m Model, r Request) error {
	_, err := r.param(0, m.BedMax, celsius)
	return err
}

func checkChamber(m Model, r Request) error {
	if !m.HasChamberHeater() {
		return unsupported(m, "chamber heater")
	}
	_, err := r.param(m.ChamberMin, m.ChamberMax, celsius)
	return err
}

// A fan is one of a printer's, by its number in M106 P and in set_fan.
type fan int

const (
	partFan    fan = 1
	auxFan     fan = 2
	chamberFan fan = 3
	leftAuxFan fan = 10
)

// fitted refuses a fan that the model does not have.
func (f fan) fitted(m Model) error {
	switch f {
	case partFan:
		if m.PartFan {
			return nil
		}
		return unsupported(m, "part fan")
	case auxFan:
		if m.AuxFan {
			return nil
		}
		return unsupported(m, "auxiliary fan")
	case leftAuxFan:
		if m.LeftAuxFan {
			return nil
		}
		return unsupported(m, "left auxiliary fan")
	case chamberFan:
		if m.ChamberFan {
			return nil
		}
		return unsupported(m, "chamber fan")
	}
	return outOfRange("there is no fan %d: 1 is the part fan, 2 and 10 (the left one) are auxiliary, 3 is the chamber's", int(f))
}

func checkFan(f fan) func(Model, Request) error {
	return func(m Model, r Request) error {
		if err := f.fitted(m); err != nil {
			return err
		}
		_, err := r.param(0, 100, percents)
		return err
	}
}

// checkSpeed holds print_speed to its four levels, silent to ludicrous.
func checkSpeed(_ Model, r Request) error {
	_, err := r.param(1, 4, noneOfIts)
	return err
}

// unambiguous refuses a request in both forms of one command at once.
func (r Request) unambiguous() error {
	if _, both := r.Fields["param"]; both {
		return badParam("%s has both param and %s, which mean different things: send one", r.Command, nativeMembers[r.Command])
	}
	return nil
}

func checkNativeNozzle(m Model, r Request) error {
	if err := r.unambiguous(); err != nil {
		return err
	}
	if _, err := r.within("target_temp", 0, m.NozzleMax, celsius); err != nil {
		return err
	}
	return r.optional("extruder_index", 0, max(m.Nozzles, 2)-1, noneOfIts)
}

func checkNativeBed(m Model, r Request) error {
	if err := r.unambiguous(); err != nil {
		return err
	}
	_, err := r.within("temp", 0, m.BedMax, celsius)
	return err
}

func checkNativeChamber(m Model, r Request) error {
	if err := r.unambiguous(); err != nil {
		return err
	}
	if !m.HasChamberHeater() {
		return unsupported(m, "chamber heater")
	}
	_, err := r.within("ctt_val", m.ChamberMin, m.ChamberMax, celsius)
	return err
}

func checkNativeAirDuct(m Model, r Request) error {
	if err := r.unambiguous(); err != nil {
		return err
	}
	if !m.AirDuct {
		return unsupported(m, "air duct")
	}
	if _, err := r.within("modeId", 0, 3, noneOfIts); err != nil {
		return err
	}
	return r.optional("submode", -1, 1, noneOfIts)
}

func checkNativeFan(m Model, r Request) error {
	n, err := r.integer("fan_index")
	if err != nil {
		return err
	}
	if err := fan(n).fitted(m); err != nil {
		return err
	}
	_, err = r.within("speed", 0, 100, percents)
	return err
}

// optional checks a whole number that may be missing.
func (r Request) optional(member string, low, high int, unit string) error {
	if _, ok := r.Fields[member]; !ok {
		return nil
	}
	_, err := r.within(member, low, high, unit)
	return err
}

// checkFilamentChange bounds the temperatures of a change of filament; -1 leaves
// them to the printer.
func checkFilamentChange(m Model, r Request) error {
	if err := r.optional("curr_temp", -1, m.NozzleMax, celsius); err != nil {
		return err
	}
	return r.optional("tar_temp", -1, m.NozzleMax, celsius)
}

// dryingMax is the hottest that any filament unit dries at (AMS HT, 85 °C).
const dryingMax = 85

func checkDrying(_ Model, r Request) error {
	if err := r.optional("temp", 0, dryingMax, celsius); err != nil {
		return err
	}
	return r.optional("cooling_temp", 0, dryingMax, celsius)
}

// text reads a member that must be a string.
func (r Request) text(member string) (string, error) {
	raw, ok := r.Fields[member]
	if !ok {
		return "", badParam("%s needs %s, a text", r.Command, member)
	}
	if len(raw) == 0 || raw[0] != '"' {
		return "", badParam("%s of %s must be a text, not %s", member, r.Command, excerpt(raw))
	}
	return plainWords(raw), nil
}

// flag reads a member that means yes or no: a bool, a number or words of either;
// false if it is missing.
func (r Request) flag(member string) bool {
	switch word := plainWords(r.Fields[member]); word {
	case "true", "True", "TRUE":
		return true
	default:
		f, err := strconv.ParseFloat(word, 64)
		return err == nil && f != 0 && !math.IsNaN(f)
	}
}

// list reads a member that is a list of whole numbers, or such a list in a string.
func (r Request) list(member string) ([]int, error) {
	raw, ok := r.Fields[member]
	if !ok || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '"' {
		raw = json.RawMessage(plainWords(raw))
	}
	var list []int
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, badParam("%s of %s must be a list of whole numbers, not %s", member, r.Command, excerpt(raw))
	}
	return list, nil
}
