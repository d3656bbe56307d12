package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/grovecloud/grove/bambu"
)

const (
	trayNone     = 255 // flat tray id: nothing loaded
	trayExternal = 254 // the spool beside the printer
)

// ams is what brings filament: one unit, or two of a kind.
type ams struct {
	units   []*amsUnit
	now     int // flat tray ids
	pre     int
	tar     int
	loading float64 // seconds until tar becomes now
	takes   float64 // how many loading takes
	version int     // grows when anything but the filament left changes

	readOnInsert, readOnPower, watchRemain bool
}

// amsUnit has four trays.
type amsUnit struct {
	id         int    // 0, 1; 16 for the A2L's
	info       string // low digit: 1 AMS, 2 AMS lite, 3 AMS 2 Pro
	module     string // its name in get_version
	trays      [4]tray
	drySeconds float64
}

// tray is one slot and what lies in it. An empty slot has no kind.
type tray struct {
	id        string
	kind      string // tray_type, such as PLA
	preset    string // tray_info_idx, such as GFA00
	product   string // tray_sub_brands
	code      string // tray_id_name, the colour code on the tag
	color     string // RRGGBBAA
	tag, uuid string // zeros: no RFID
	min, max  int    // nozzle °C
	bed       int
	full      float64 // grams on a whole spool
	left      float64 // grams
	cali      int
	k         string
}

const (
	noTag  = "0000000000000000"
	noUUID = "00000000000000000000000000000000"
)

func emptyTray(id string) tray {
	return tray{id: id, tag: noTag, uuid: noUUID, color: "00000000", cali: -1, k: "0.02"}
}

// manyAMS reports whether a model bears more than one unit: those with an AMS lite, and
// the A2L, have the one they come with.
func manyAMS(model bambu.Model) bool {
	return model.AMS != "" && model.AMS != "ams_lite" && model.Code != "N9"
}

// newAMS fits the usual unit of the model, and the second one.
func newAMS(model bambu.Model, two bool, rng *rand.Rand) *ams {
	a := &ams{now: trayNone, pre: trayNone, tar: trayNone, version: 4, takes: looksOf(model).loadSeconds, readOnInsert: true, watchRemain: true}
	first := 0
	if model.Code == "N9" {
		first = 16
	}
	a.units = append(a.units, newAMSUnit(model, first, rng))
	if two {
		a.units = append(a.units, newAMSUnit(model, first+1, rng))
	}
	return a
}

// newAMSUnit has one Bambu spool almost new, one without a tag, one Bambu spool half
// used, and an empty slot.
func newAMSUnit(model bambu.Model, id int, rng *rand.Rand) *amsUnit {
	info, module := "1001", "ams"
	switch {
	case model.Code == "N9":
		info, module = "1005", "ams_f1"
	case model.AMS == "ams_lite":
		info, module = "1002", "ams_f1"
	case model.AMS == "n3f":
		info, module = "1003", "n3f"
	}
	a := &amsUnit{id: id, info: info, module: module + "/" + strconv.Itoa(id)}
	for i := range a.trays {
		a.trays[i] = emptyTray(strconv.Itoa(i))
	}
	a.trays[0].fill(tray{kind: "PLA", preset: "GFA00", product: "PLA Basic", code: "A00-O1", color: "F2754EFF", min: 190, max: 230, bed: 35, left: 800 + 200*rng.Float64()})
	a.trays[1].fill(tray{kind: "PETG", preset: "GFG99", color: "2B2B2DFF", min: 220, max: 270, bed: 70})
	a.trays[2].fill(tray{kind: "PLA", preset: "GFA01", product: "PLA Matte", code: "A01-W2", color: "FFFFFFFF", min: 190, max: 230, bed: 35, left: 300 + 300*rng.Float64()})
	for _, i := range []int{0, 2} {
		a.trays[i].tag = fmt.Sprintf("%016X", rng.Uint64())
		a.trays[i].uuid = fmt.Sprintf("%016X%016X", rng.Uint64(), rng.Uint64())
	}
	return a
}

// fill puts a spool into the slot; what the slot itself knows stays.
func (t *tray) fill(spool tray) {
	spool.id, spool.tag, spool.uuid, spool.cali, spool.k, spool.full = t.id, t.tag, t.uuid, t.cali, t.k, 1000
	*t = spool
}

// remain is the percentage left; -1 without a tag, since nobody knows.
func (t *tray) remain() int {
	if t.tag == noTag {
		return -1
	}
	return int(math.Ceil(100 * t.left / t.full))
}

// slot finds a tray by its flat id, nil if no unit has it.
func (a *ams) slot(flat int) *tray {
	u := a.unit(flat / 4)
	if u == nil || flat < 0 {
		return nil
	}
	return &u.trays[flat%4]
}

// unit finds a unit by its id, nil if it is not fitted.
func (a *ams) unit(id int) *amsUnit {
	for _, u := range a.units {
		if u.id == id {
			return u
		}
	}
	return nil
}

// dry lets units dry for so long from now on.
func (a *ams) dry(seconds float64, units ...*amsUnit) {
	for _, u := range units {
		u.drySeconds = seconds
	}
}

// load begins to bring a tray's filament to the nozzle; trayNone unloads.
func (a *ams) load(flat int) {
	if a.now == flat && a.loading <= 0 {
		return
	}
	a.tar, a.loading = flat, a.takes
	a.version++
}

// pass lets d simulated seconds pass.
func (a *ams) pass(d float64) {
	for _, u := range a.units {
		u.drySeconds = max(0, u.drySeconds-d)
	}
	if a.loading <= 0 {
		return
	}
	if a.loading -= d; a.loading <= 0 {
		a.pre, a.now = a.now, a.tar
		a.version++
	}
}

// consume takes grams off a tray.
func (a *ams) consume(flat int, grams float64) {
	if t := a.slot(flat); t != nil {
		t.left = max(0, t.left-grams)
	}
}

// status is ams_status: main state and sub state (BambuStudio).
func (a *ams) status(state string) int64 {
	switch {
	case a.loading > 0:
		return 1<<8 | 2 // changing filament
	case state == stateRunning || state == statePause:
		return 3 << 8 // assisting
	}
	return 0
}

// append writes the ams object of a report.
func (a *ams) append(b []byte, celsius float64) []byte {
	var units, exist, bbl uint64
	b = append(b, `{"ams":[`...)
	for i, u := range a.units {
		if i > 0 {
			b = append(b, ',')
		}
		var there, tagged uint64
		b, there, tagged = u.append(b, celsius)
		units, exist, bbl = units|1<<u.id, exist|there, bbl|tagged
	}
	b = fmt.Appendf(b, `],"ams_exist_bits":"%x","tray_exist_bits":"%x","tray_is_bbl_bits":"%x","tray_read_done_bits":"%x","tray_reading_bits":"0"`,
		units, exist, bbl, exist)
	return fmt.Appendf(b, `,"tray_now":"%d","tray_pre":"%d","tray_tar":"%d","version":%d,"insert_flag":%t,"power_on_flag":%t,"calibrate_remain_flag":%t,"unbind_ams_stat":0,"cali_id":255,"cali_stat":0}`,
		a.now, a.pre, a.tar, a.version, a.readOnInsert, a.readOnPower, a.watchRemain)
}

// append writes one unit, and gives the bits of the trays in which something is, and of
// those with a tag.
func (a *amsUnit) append(b []byte, celsius float64) (_ []byte, exist, bbl uint64) {
	shift := 4 * a.id
	if a.id == 16 {
		shift = 24 // where the A2L reports its unit
	}
	b = append(b, `{"id":"`...)
	b = strconv.AppendInt(b, int64(a.id), 10)
	b = append(b, `","info":"`...)
	b = append(b, a.info...)
	b = append(b, `","humidity":"4","humidity_raw":"22","temp":"`...)
	b = strconv.AppendFloat(b, celsius, 'f', 1, 64)
	b = append(b, `","dry_time":`...)
	b = strconv.AppendInt(b, int64(math.Ceil(a.drySeconds/60)), 10)
	b = append(b, `,"tray":[`...)
	for i := range a.trays {
		t := &a.trays[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = t.append(b)
		if t.kind == "" {
			continue
		}
		exist |= 1 << (shift + i)
		if t.tag != noTag {
			bbl |= 1 << (shift + i)
		}
	}
	return append(b, `]}`...), exist, bbl
}

// append writes one tray; an empty slot is little more than its number.
func (t *tray) append(b []byte) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, t.id...)
	if t.kind == "" {
		return append(b, `","state":8}`...)
	}
	return t.details(append(b, `","state":11,`...))
}

// details writes what a tray holds, and the closing brace.
func (t *tray) details(b []byte) []byte {
	b = append(b, `"tray_info_idx":`...)
	b = appendText(b, t.preset)
	b = append(b, `,"tray_type":`...)
	b = appendText(b, t.kind)
	b = append(b, `,"tray_sub_brands":`...)
	b = appendText(b, t.product)
	b = append(b, `,"tray_color":`...)
	b = appendText(b, t.color)
	b = append(b, `,"cols":[`...)
	b = appendText(b, t.color)
	b = fmt.Appendf(b, `],"ctype":0,"tray_weight":"%d","tray_diameter":"1.75","tray_temp":"55","tray_time":"8","bed_temp":"%d","bed_temp_type":"1"`, int(t.full), t.bed)
	b = fmt.Appendf(b, `,"nozzle_temp_max":"%d","nozzle_temp_min":"%d","remain":%d,"k":%s,"n":1,"cali_idx":%d,"total_len":330000`, t.max, t.min, t.remain(), t.k, t.cali)
	b = fmt.Appendf(b, `,"tag_uid":"%s","tray_uuid":"%s","tray_id_name":`, t.tag, t.uuid)
	b = appendText(b, t.code)
	return append(b, `,"xcam_info":"000000000000000000000000"}`...)
}

// spool finds a tray by what commands call it: a unit and a slot, or the
// external spool (unit 255 or 254).
func (m *machine) spool(unit, slot int) *tray {
	if unit == trayNone || unit == trayExternal {
		return &m.external
	}
	if m.ams == nil || slot < 0 || slot > 3 {
		return nil
	}
	return m.ams.slot(4*unit + slot)
}

// color reports whether s is RRGGBBAA in hex.
func color(s string) bool {
	return len(s) == 8 && strings.Trim(strings.ToUpper(s), "0123456789ABCDEF") == ""
}
