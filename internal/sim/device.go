package sim

import (
	"fmt"
	"math"
	"strconv"
)

// The hex words of newer firmware (bit meanings from BambuStudio). fun says what
// the machine can do: bit 29 clear means that commands need no signature, bit 39
// that it knows set_bed_temp.
const (
	wordFun  = 0x3EC18FFF9CFF
	wordFun2 = `"27"`
	wordAux  = 0x2001004
	wordStat = 0x46258008

	funSigned = 1 << 29
	auxCard   = 3 << 12
	statDoor  = 1 << 23
)

// jobFieldsAnew say of the job what jobFields say, in the words of newer firmware.
func jobFieldsAnew() []field {
	return []field{
		number("state", (*machine).stateNumber),
		number("percent", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.percent }) }),
		number("remain_time", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.remaining }) }),
		number("prepare_per", func(m *machine) int64 { return m.jobNumber((*job).preparePercent) }),
		number("plate_id", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.plate }) }),
		number("plate_idx", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.plate }) }),
		fixed("plate_cnt", "1"),
		text("file", func(m *machine) string { return m.jobText(func(j *job) string { return j.file }, "") }),
		text("job_id", func(m *machine) string { return m.jobText(func(j *job) string { return j.taskID }, "") }),
		number("job_attr", (*machine).jobAttribute),
		{key: "job", say: (*machine).appendJob},
		fixed("model_id", `""`), fixed("design_id", `""`), fixed("batch_id", "0"), fixed("canvas_id", "0"),
		{key: "mapping", say: (*machine).appendMapping},
		fixed("ver", `"20000"`), fixed("err", `"0"`), fixed("queue", "0"), fixed("care", staticCare),
	}
}

// newFields are those that only newer firmware reports. Which models have the
// last of them was counted over the captures of ha-bambulab.
func newFields(m *machine) []field {
	fields := []field{
		{key: "cfg", say: (*machine).appendConfig},
		word("fun", func(m *machine) uint64 { return bit(wordFun, funSigned, m.faults.SignatureRequired) }),
		word("aux", func(m *machine) uint64 {
			if m.faults.NoCard {
				return wordAux &^ auxCard
			}
			return wordAux
		}),
		word("stat", func(m *machine) uint64 { return bit(wordStat, statDoor, m.faults.DoorOpen) }),
		{key: "3D", say: func(m *machine, b []byte) []byte {
			return fmt.Appendf(b, `{"layer_num":%d,"total_layer_num":%d}`,
				m.jobNumber(func(j *job) int { return j.layer }), m.jobNumber(func(j *job) int { return j.layers }))
		}},
		fixed("2D", `{"bs":{"step_type":0,"tool_info":{"color":"","diameter":0,"id":-1,"type":-1},"total_time":0},"cond":7,"cur_stage":{"idx":-1,"left_time":0,"process":0,"state":-1},"first_confirm":false,"makeable":true,"material":{"cur_id_list":[],"state":0,"tar_id":"","tar_name":""}}`),
		fixed("ap_err", "0"),
		number("mc_stage", (*machine).printStage),
		number("mc_err", func(m *machine) int64 { return m.printError }), fixed("mc_action", "0"),
		{key: "info", say: func(m *machine, b []byte) []byte {
			return append(strconv.AppendInt(append(b, `{"temp":`...), m.heat.chamber.packed(), 10), '}')
		}},
		text("lan_task_id", func(m *machine) string { return m.jobText(func(j *job) string { return j.taskID }, "0") }),
	}
	if m.looks.countsDown {
		fields = append(fields, number("stg_cd", (*machine).stageLeft))
	}
	if m.model.Code == "N6" {
		fields = append(fields, fixed("err2", `{"err_code":"0","img_id":""}`))
	}
	if m.model.Full {
		return fields
	}
	return append(fields, field{
		key: "t_utc", quiet: true, // time passing is no change worth a report
		say: func(m *machine, b []byte) []byte { return strconv.AppendInt(b, m.now.UnixMilli(), 10) },
	})
}

// stageLeft is how many seconds the present stage of preparations still takes.
func (m *machine) stageLeft() int64 {
	j := m.subject()
	if j == nil || m.state != stateRunning || j.step >= len(j.plan) {
		return 0
	}
	return int64(math.Ceil(max(0, j.plan[j.step].seconds-j.staged)))
}

// deviceFields are the device object.
func deviceFields(m *machine) []field {
	fields := []field{
		fixed("type", "1"),
		{key: "bed", say: func(m *machine, b []byte) []byte {
			state := 0
			if m.heat.bed.target > 0 {
				state = 2
			}
			return fmt.Appendf(b, `{"info":{"temp":%d},"state":%d}`, m.heat.bed.packed(), state)
		}},
		number("bed_temp", func(m *machine) int64 { return m.heat.bed.packed() }),
		{key: "ctc", say: func(m *machine, b []byte) []byte {
			return fmt.Appendf(b, `{"info":{"temp":%d},"state":0}`, m.heat.chamber.packed())
		}},
		{key: "extruder", say: (*machine).appendExtruders},
		{key: "nozzle", say: (*machine).appendNozzles},
		number("fan", func(m *machine) int64 { return int64(m.fans.packed()) }),
		fixed("plate", `{"base":4,"cur_id":"","mat":1,"tar_id":""}`),
		fixed("cam", staticCam), fixed("ext_tool", `{"calib":2,"low_prec":true,"mount":0,"th_temp":0,"type":""}`),
	}
	if m.model.AirDuct {
		fields = append(fields, field{key: "airduct", say: (*machine).appendAirduct})
	}
	return within("device", fields...)
}

// stateNumber is the newer state; 1 to 3 and 5 were never captured and are the likely ones.
func (m *machine) stateNumber() int64 {
	switch m.shown() {
	case statePrepare:
		return 3
	case stateRunning:
		return 4
	case statePause:
		return 5
	case stateFinish:
		return 6
	case stateFailed:
		return 7
	}
	return 0
}

// jobAttribute is job_attr: 3 idle, 17 a cloud print, 18 a local one (captures).
func (m *machine) jobAttribute() int64 {
	switch m.printType() {
	case "cloud":
		return 17
	case "local", "system":
		return 18
	}
	return 3
}

func (m *machine) appendJob(b []byte) []byte {
	if m.subject() == nil {
		return append(b, `{"cur_stage":{"idx":0,"state":0},"stage":[]}`...)
	}
	state := 1
	if m.busy() && !m.stale() {
		state = 2
	}
	return fmt.Appendf(b, `{"cur_stage":{"idx":0,"state":%d},"stage":[{"clock_in":false,"color":[""],"diameter":[0.4],"est_time":0,"heigh":0,"idx":0,"platform":"","print_then":false,"proc_list":[],"tool":["HS01"],"type":2}]}`, state)
}

// appendMapping writes where each filament of the file comes from: unit<<8 | slot, 65535 unused.
func (m *machine) appendMapping(b []byte) []byte {
	j := m.subject()
	if j == nil {
		return append(b, "[]"...)
	}
	list := make([]int, 0, len(j.mapping))
	for _, flat := range j.mapping {
		at := 65535
		if flat >= 0 {
			at = flat/4<<8 | flat%4
		}
		list = append(list, at)
	}
	return appendInts(b, list)
}

func (m *machine) appendExtruders(b []byte) []byte {
	b = append(b, `{"info":[`...)
	for i := range m.heat.nozzle {
		if i > 0 {
			b = append(b, ',')
		}
		now := 65535 - i*256 // nothing loaded, as main and as deputy extruder say it
		if i == m.heat.active && m.ams != nil && m.ams.now < trayExternal {
			now = m.ams.now/4<<8 | m.ams.now%4
		}
		b = fmt.Appendf(b, `{"filam_bak":[],"hnow":%d,"hpre":%d,"htar":%d,"id":%d,"info":14,"snow":%d,"spre":%d,"star":%d,"stat":197376,"temp":%d}`,
			i, i, i, i, now, now, now, m.heat.nozzle[i].packed())
	}
	count, active := len(m.heat.nozzle), m.heat.active
	return fmt.Appendf(b, `],"state":%d}`, count|active<<4|active<<8)
}

func (m *machine) appendNozzles(b []byte) []byte {
	b = fmt.Appendf(b, `{"exist":%d,"info":[`, 1<<len(m.heat.nozzle)-1)
	for i := range m.heat.nozzle {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"diameter":%s,"id":%d,"tm":0,"type":"HS01","wear":0}`, m.settings.nozzleDiameter, i)
	}
	if m.looks.rack {
		for slot := range rackSlots {
			b = fmt.Appendf(b, `,{"diameter":0.4,"id":%d,"tm":0,"type":"HS01","wear":0}`, firstRackSlot+slot)
		}
	}
	return append(b, `],"state":0}`...)
}

// The nozzles that hang in an H2C's rack, as device.nozzle numbers them.
const (
	rackSlots     = 6
	firstRackSlot = 16
)

func (m *machine) appendAirduct(b []byte) []byte {
	return fmt.Appendf(b, `{"modeCur":%d,"subMode":-1,%s,"parts":[{"func":0,"id":16,"range":6553600,"state":%d,"tar_state":%d},{"func":1,"id":32,"range":6553600,"state":%d,"tar_state":%d},{"func":2,"id":48,"range":6553600,"state":%d,"tar_state":%d}]}`,
		m.settings.airduct, staticAirductModes, m.fans.part, m.fans.part, m.fans.aux, m.fans.aux, m.fans.chamber, m.fans.chamber)
}

// appendConfig writes cfg: the settings as a hex word (bits from BambuStudio).
func (m *machine) appendConfig(b []byte) []byte {
	var word uint64 = 1<<4 | 1<<6 | 1<<15 | 1<<16 | 1<<17 | 1<<18
	word |= uint64(m.settings.speedLevel&7)<<8 | uint64(m.settings.doorCheck&3)<<20
	set := func(bit int, on bool) {
		if on {
			word |= 1 << bit
		}
	}
	set(0, m.ams != nil && m.ams.readOnInsert)
	set(1, m.ams != nil && m.ams.readOnPower)
	set(3, enabled(m.settings.record))
	set(5, enabled(m.settings.timelapse))
	set(7, m.settings.lights["chamber_light"] == "on")
	b = append(b, '"')
	b = strconv.AppendUint(b, word, 16)
	return append(b, '"')
}

// watches are the camera's AI watches with their bit in xcam.cfg.
var watches = []struct {
	name string
	bit  int
}{
	{"first_layer_inspector", -1},
	{"buildplate_marker_detector", 20},
	{"printing_monitor", -1},
	{"spaghetti_detector", 7},
	{"pileup_detector", 10},
	{"clump_detector", 13},
	{"airprint_detector", 16},
	{"allow_skip_parts", -1},
}

func (m *machine) appendWatches(b []byte) []byte {
	cfg := 0
	b = append(b, '{')
	for _, w := range watches {
		on := !m.settings.unwatched[w.name]
		b = fmt.Appendf(b, `"%s":%t,`, w.name, on)
		if on && w.bit >= 0 {
			cfg |= 1 << w.bit
		}
	}
	return fmt.Appendf(b, `"halt_print_sensitivity":"%s","print_halt":true,"cfg":%d}`, m.settings.sensitivity, cfg)
}

// bit is a word with some bits set or not.
func bit(word, bits uint64, set bool) uint64 {
	if set {
		return word | bits
	}
	return word &^ bits
}
