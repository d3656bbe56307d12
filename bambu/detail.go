package bambu

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/grovecloud/grove"
)

// Details reads what a printer's own page shows beside its [State.Shadow]. It is not
// for each report: it is written for whoever looks. Bits are those of BambuStudio and
// ha-bambulab.
func (s *State) Details(m Model) grove.PrinterDetail {
	r := &s.root
	return grove.PrinterDetail{
		Extruders:           s.extruders(),
		HeatbreakFanPercent: gearPercent(r.child("heatbreak_fan_speed").integer()),
		DoorOpen:            s.doorOpen(m), Storage: s.storage(), Camera: s.camera(), Upgrade: s.upgrade(), Options: s.options(),
		Wired: r.path("net", "conf").bits32()&1 == 1, Addresses: s.addresses(),
	}
}

// extruders of firmware that does not tell of them are one, with what is said of the
// printer.
func (s *State) extruders() []grove.Extruder {
	r := &s.root
	only := grove.Extruder{
		Active: true, NozzleDiameter: r.child("nozzle_diameter").number(), NozzleType: r.child("nozzle_type").upTo(maxWord), TrayNow: s.trayNow(),
	}
	only.Celsius, only.TargetCelsius = s.nozzle()
	info := r.path("device", "extruder", "info")
	if info == nil || len(info.kids) < 2 {
		if info != nil && len(info.kids) == 1 {
			s.fit(&only, &info.kids[0])
		}
		return []grove.Extruder{only}
	}
	active := s.activeExtruder()
	all := make([]grove.Extruder, 0, 2)
	for i := range min(len(info.kids), maxParts) {
		x := &info.kids[i]
		temp := x.child("temp").integer()
		e := grove.Extruder{
			ID: x.child("id").integer(), Celsius: currentTemperature(temp), TargetCelsius: targetTemperature(temp), TrayNow: trayOf(x.child("snow")),
		}
		if e.Active = e.ID == active; e.Active {
			e.NozzleDiameter, e.NozzleType = only.NozzleDiameter, only.NozzleType
		}
		s.fit(&e, x)
		all = append(all, e)
	}
	return all
}

// fit reads the nozzle in an extruder where firmware tells of nozzles: by its number if
// that is said, else by the extruder's own.
func (s *State) fit(e *grove.Extruder, extruder *node) {
	fitted, id := s.root.path("device", "nozzle", "info"), extruder.either("hnow", "id")
	if fitted == nil || id == nil {
		return
	}
	if n := fitted.element(bare(id.text)); n != nil {
		e.NozzleDiameter, e.NozzleType = n.child("diameter").number(), n.child("type").upTo(maxWord)
	}
}

// doorOpen is told by bit 23 of stat, where fun says that there is something to tell,
// and by the same of home_flag on the X1 family.
func (s *State) doorOpen(m Model) *bool {
	const door = 23
	switch {
	case s.speaksNew(Model{}):
		if s.can(12) {
			return bit(s.root.child("stat").hex(), door)
		}
	case m.Full && s.root.child("home_flag") != nil:
		return bit(uint64(s.root.child("home_flag").bits32()), door)
	}
	return nil
}

func bit(flags uint64, n uint) *bool {
	on := flags>>n&1 == 1
	return &on
}

// storage is in two bits of aux or, before, of home_flag.
func (s *State) storage() string {
	states := [4]string{"none", "normal", "abnormal", "read_only"}
	switch {
	case s.speaksNew(Model{}):
		return states[s.root.child("aux").hex()>>12&3]
	case s.root.child("home_flag") != nil:
		return states[s.root.child("home_flag").bits32()>>8&3]
	case s.root.child("sdcard") == nil:
		return ""
	case string(s.root.child("sdcard").text) == "true":
		return states[1]
	}
	return states[0]
}

func (s *State) camera() (c grove.CameraState) {
	set := s.root.child("ipcam")
	c.Resolution = set.child("resolution").upTo(maxWord)
	c.Recording, c.Timelapse = enabled(set.child("ipcam_record")), enabled(set.child("timelapse"))
	if s.speaksNew(Model{}) {
		flags := s.root.child("cfg").hex()
		c.Recording, c.Timelapse = bit(flags, 3), bit(flags, 5)
	}
	if on, known := s.Liveview(); known {
		c.Liveview = &on
	}
	return c
}

// enabled reads enable and disable; nil for what is neither.
func enabled(n *node) *bool {
	word := n.words()
	on := word == "enable"
	if !on && word != "disable" {
		return nil
	}
	return &on
}

func (s *State) upgrade() grove.Upgrade {
	set := s.root.child("upgrade_state")
	u := grove.Upgrade{
		Available: set.child("new_version_state").integer() == 1, Version: set.child("ota_new_version_number").upTo(maxWord),
		Status: set.child("status").upTo(maxWord), Percent: percent(set.child("progress").integer()),
	}
	if list := set.child("new_ver_list"); list != nil {
		for i := range list.kids {
			if list.kids[i].child("name").words() == "ota" {
				u.Available, u.Version = true, list.kids[i].child("new_ver").upTo(maxWord)
			}
		}
	}
	return u
}

// option is a setting that is on or off, and where it is told: a bit of cfg; before
// that a member of xcam, or a bit of home_flag if another says that the printer has it.
type option struct {
	name       string
	cfg, fun   int // -1: not there; no bit of fun is needed
	member     string
	flag, have int // -1
}

var options = []option{
	{"first_layer_inspection", 12, -1, "first_layer_inspector", -1, -1},
	{"ai_monitoring", 15, -1, "printing_monitor", -1, -1},
	{"build_plate_detection", -1, -1, "buildplate_marker_detector", -1, -1},
	{"spaghetti_detection", -1, -1, "spaghetti_detector", -1, -1},
	{"skip_parts", -1, -1, "allow_skip_parts", -1, -1},
	{"auto_recovery", 16, -1, "", 4, -1},
	{"remaining_filament", 17, -1, "", 7, -1},
	{"auto_refill", 18, -1, "", 10, -1},
	{"prompt_sound", 22, 8, "", -1, -1},
	{"tangle_detection", 23, 9, "", 20, 19},
	{"nozzle_blob_detection", 24, 13, "", 24, 25},
	{"air_print_detection", -1, -1, "", 28, 29},
}

func (s *State) options() map[string]bool {
	told := map[string]bool{}
	isNew := s.speaksNew(Model{})
	cfg, home := s.root.child("cfg").hex(), s.root.child("home_flag")
	for _, o := range options {
		switch {
		case isNew && o.cfg >= 0:
			if o.fun < 0 || s.can(uint(o.fun)) {
				told[o.name] = cfg>>o.cfg&1 == 1
			}
		case o.member != "":
			if n := s.root.path("xcam", o.member); n != nil {
				told[o.name] = string(n.text) == "true"
			}
		case o.flag >= 0 && home != nil:
			if flags := home.bits32(); o.have < 0 || flags>>o.have&1 == 1 {
				told[o.name] = flags>>o.flag&1 == 1
			}
		}
	}
	return told
}

// addresses are written as little-endian numbers.
func (s *State) addresses() (found []string) {
	list := s.root.path("net", "info")
	if list == nil {
		return nil
	}
	for i := range min(len(list.kids), maxParts) {
		var address [4]byte
		if binary.LittleEndian.PutUint32(address[:], list.kids[i].child("ip").bits32()); address != [4]byte{} {
			found = append(found, netip.AddrFrom4(address).String())
		}
	}
	return found
}

// unitKinds are those of filament units, by the low four bits of info.
var unitKinds = map[uint64]string{1: "ams", 2: "ams_lite", 3: "n3f", 4: "n3s"}

// extruderOf is the one that a unit feeds, in bits 8 to 11 of info; -1 when it is not
// told or not settled.
func extruderOf(unit *node) int {
	info := unit.child("info")
	if info == nil {
		return -1
	}
	if n := int(info.hex() >> 8 & 0xF); n < 2 {
		return n
	}
	return -1
}

// unitKind is what a filament unit is: ams, ams_lite, n3f (AMS 2 Pro), n3s (AMS HT), or empty.
func unitKind(unit *node) string {
	if k, ok := unitKinds[unit.child("info").hex()&0xF]; ok {
		return k
	}
	if id, err := strconv.Atoi(unit.child("id").words()); err == nil && id >= firstHT && id <= lastHT {
		return "n3s"
	}
	return ""
}
