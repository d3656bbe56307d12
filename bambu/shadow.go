package bambu

import (
	"math"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// Flat tray numbers that are no tray of a filament unit.
const (
	trayExternal = "254"
	trayNone     = "255"
)

// What a printer may say of itself, in bytes and in number; real ones say less.
const (
	maxWord  = 64
	maxName  = 256
	maxParts = 32
)

// Shadow reads the state in clean units. Numbers may be numbers or strings, as
// firmware writes them; what a printer has not said is zero, and unknown to it.
// Where newer firmware has a second, better place for a value, that one is read.
func (s *State) Shadow() grove.Shadow {
	r := &s.root
	sh := grove.Shadow{
		State:            r.child("gcode_state").upTo(maxWord),
		Stage:            r.child("stg_cur").integerOr(-1),
		Percent:          r.either("mc_percent", "percent").integer(),
		RemainingSeconds: r.either("mc_remaining_time", "remain_time").integer() * 60, // minutes
		Layer:            s.layers("layer_num"),
		TotalLayers:      s.layers("total_layer_num"),
		PreparePercent:   r.either("gcode_file_prepare_percent", "prepare_per").integer(),

		TaskID:    r.child("task_id").upTo(maxWord),
		SubtaskID: r.child("subtask_id").upTo(maxWord),
		FileName:  r.child("subtask_name").upTo(maxName),
		Plate:     s.plate(),

		BedCelsius:       r.child("bed_temper").number(),
		BedTargetCelsius: r.child("bed_target_temper").number(),

		PartFanPercent:    s.fan(1, "cooling_fan_speed", 0),
		AuxFanPercent:     s.fan(2, "big_fan1_speed", 8),
		ChamberFanPercent: s.fan(3, "big_fan2_speed", 16),
		SpeedLevel:        r.child("spd_lvl").integer(),

		NozzleDiameter: r.child("nozzle_diameter").number(),

		LightOn:    s.lightOn(),
		WifiDBm:    dBm(r.child("wifi_signal").words()),
		PrintError: int64(r.child("print_error").bits32()),
		HMS:        s.hms(),
		AMS:        s.ams(),
		External:   s.external(),
		TrayNow:    s.trayNow(),
	}
	sh.NozzleCelsius, sh.NozzleTargetCelsius = s.nozzle()
	sh.ChamberCelsius, sh.ChamberTargetCelsius = s.chamber()
	return sh
}

// either finds the first member that is there.
func (n *node) either(names ...string) *node {
	for _, name := range names {
		if k := n.child(name); k != nil {
			return k
		}
	}
	return nil
}

// layers reads a count of layers, which newer firmware has in 3D too.
func (s *State) layers(name string) int {
	if k := s.root.child(name); k != nil {
		return k.integer()
	}
	return s.root.path("3D", name).integer()
}

// plate is the plate being printed, from 1, or 0: newer firmware numbers it,
// older names the G-code member (/data/Metadata/plate_2.gcode).
func (s *State) plate() int {
	if n := s.root.either("plate_idx", "plate_id").integer(); n > 0 {
		return n
	}
	n, _ := plateNumber(s.root.child("gcode_file").words())
	return n
}

// plateNumber reads the number of a plate's G-code member in a 3MF.
func plateNumber(path string) (int, bool) {
	_, name, found := strings.Cut(path, "Metadata/plate_")
	digits, isGcode := strings.CutSuffix(name, ".gcode")
	n, err := strconv.Atoi(digits)
	if !found || !isGcode || err != nil || n < 1 || n > 999 || digits[0] == '+' {
		return 0, false
	}
	return n, true
}

// extruder is the one in use, where firmware tells of extruders, or nil.
func (s *State) extruder() *node {
	info := s.root.path("device", "extruder", "info")
	if info == nil {
		return nil
	}
	return info.element(strconv.AppendInt(nil, int64(s.activeExtruder()), 10))
}

// nozzle gives the temperature and target of the nozzle in use. With two of
// them (the low four bits of device.extruder.state) the extruder's own word counts.
func (s *State) nozzle() (now, target float64) {
	if s.root.path("device", "extruder", "state").integer()&0xF >= 2 {
		if temp := s.extruder().child("temp"); temp != nil {
			return currentTemperature(temp.integer()), targetTemperature(temp.integer())
		}
	}
	return s.root.child("nozzle_temper").number(), s.root.child("nozzle_target_temper").number()
}

// chamber gives the temperature and target of the chamber. Where there is a
// device.ctc it is right; H2D's chamber_temper then is packed in the same way.
// Printers without a sensor report 5.
func (s *State) chamber() (now, target float64) {
	packed := s.root.path("device", "ctc", "info", "temp")
	if packed == nil {
		packed = s.root.path("info", "temp")
	}
	if packed == nil {
		packed = s.root.child("chamber_temper")
		if packed.number() < 500 { // hotter than any chamber: packed
			return packed.number(), s.root.child("ctt").number()
		}
	}
	return currentTemperature(packed.integer()), targetTemperature(packed.integer())
}

// fan gives a fan's speed in percent: from the air duct's parts, whose id has
// the fan's number above its low four bits; else from the gear "0" to "15" of
// older firmware; else from fan_gear, a byte for each fan.
func (s *State) fan(number int, gear string, shift uint) int {
	if parts := s.root.path("device", "airduct", "parts"); parts != nil {
		for i := range parts.kids {
			if parts.kids[i].child("id").integer()>>4 == number {
				return percent(parts.kids[i].child("state").integer())
			}
		}
	}
	if g := s.root.child(gear); g != nil {
		return gearPercent(g.integer())
	}
	packed := s.root.child("fan_gear").integer() >> shift & 0xFF
	return percent(int(math.Round(float64(packed) / 255 * 100)))
}

// gearPercent turns 0 to 15 into tens of percent, as BambuStudio does.
func gearPercent(gear int) int {
	return percent(int(float64(gear)/1.5) * 10)
}

func percent(n int) int { return max(0, min(n, 100)) }

// lightOn tells of the chamber light; a flashing one is on.
func (s *State) lightOn() bool {
	lights := s.root.child("lights_report")
	if lights == nil {
		return false
	}
	for i := range lights.kids {
		if lights.kids[i].child("node").words() == "chamber_light" {
			mode := lights.kids[i].child("mode").words()
			return mode != "" && mode != "off"
		}
	}
	return false
}

// dBm reads "-53dBm"; 0 is unknown.
func dBm(signal string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(signal, "dBm"))
	if err != nil {
		return 0
	}
	return n
}

func (s *State) hms() []grove.HMS {
	found := []grove.HMS{}
	list := s.root.child("hms")
	if list == nil {
		return found
	}
	for i := range min(len(list.kids), maxParts) {
		attr, code := list.kids[i].child("attr"), list.kids[i].child("code")
		if attr == nil || code == nil {
			continue
		}
		found = append(found, HMSCode(attr.bits32(), code.bits32()))
	}
	return found
}

func (s *State) ams() []grove.AMS {
	list := s.root.path("ams", "ams")
	if list == nil {
		return []grove.AMS{}
	}
	count := min(len(list.kids), maxParts)
	units := make([]grove.AMS, 0, count)
	for i := range count {
		u := &list.kids[i]
		units = append(units, grove.AMS{
			ID:       u.child("id").upTo(maxWord),
			Humidity: u.child("humidity").integer(),
			Celsius:  u.child("temp").number(),

			Kind: unitKind(u), HumidityPercent: u.child("humidity_raw").integer(),
			DryingSeconds: u.child("dry_time").integer() * 60, // minutes
			Extruder:      extruderOf(u),
			Trays:         trays(u.child("tray")),
		})
	}
	return units
}

// external are the spools outside of an AMS: newer firmware lists one for each
// nozzle, older has one.
func (s *State) external() []grove.Tray {
	if list := s.root.child("vir_slot"); list != nil {
		return trays(list)
	}
	if one := s.root.child("vt_tray"); one != nil {
		return []grove.Tray{tray(one)}
	}
	return []grove.Tray{}
}

func trays(list *node) []grove.Tray {
	if list == nil {
		return []grove.Tray{}
	}
	count := min(len(list.kids), maxParts)
	all := make([]grove.Tray, 0, count)
	for i := range count {
		all = append(all, tray(&list.kids[i]))
	}
	return all
}

func tray(t *node) grove.Tray {
	return grove.Tray{
		ID:               t.child("id").upTo(maxWord),
		Type:             t.child("tray_type").upTo(maxWord),
		Color:            t.child("tray_color").upTo(maxWord),
		FilamentID:       t.child("tray_info_idx").upTo(maxWord),
		RemainingPercent: t.child("remain").integerOr(-1),
	}
}

// trayNow is the flat number of the tray in use. On newer printers ams.tray_now
// counts within one unit only, so the extruder's own word is read: unit<<8|slot,
// where 0xFF and 0xFE are the external spools and all ones in the slot is none.
func (s *State) trayNow() string {
	if now := s.extruder().child("snow"); now != nil {
		return trayOf(now)
	}
	return s.root.path("ams", "tray_now").upTo(maxWord)
}

// trayOf is the flat number of the tray that an extruder has.
func trayOf(now *node) string {
	unit, slot := now.integer()>>8&0xFF, now.integer()&0xFF
	switch {
	case slot == 0xFF:
		return trayNone
	case unit >= 0xFE:
		return trayExternal
	}
	return strconv.Itoa(flatTray(unit, slot))
}

// flatTray numbers a tray across all units: an AMS HT has one tray and is its
// own number (BambuStudio).
func flatTray(unit, slot int) int {
	if unit >= firstHT {
		return unit
	}
	return unit*4 + slot
}

// FlatTray is the flat number of a tray that a client names by unit and slot, as
// in ams_mapping2: -1 for an external spool or none. ok is false when there can be
// no such tray.
func FlatTray(unit, slot int) (flat int, ok bool) {
	const perUnit, external = 4, 254
	switch {
	case unit == external || unit == unmapped:
		return -1, slot == 0 || slot == unmapped
	case unit >= firstHT && unit <= lastHT:
		return unit, slot == 0
	}
	return flatTray(unit, slot), unit >= 0 && unit < firstHT/perUnit && slot >= 0 && slot < perUnit
}

// unmapped is the unit and slot of no tray.
const unmapped = 255

// trayPlace is the unit and slot of a flat tray number; unmapped for none.
func trayPlace(flat int) (unit, slot int) {
	switch {
	case flat < 0 || flat > lastHT:
		return unmapped, unmapped
	case flat >= firstHT:
		return flat, 0
	}
	return flat / 4, flat % 4
}
